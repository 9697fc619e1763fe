"""What a user adds in one file each, found everywhere; and what can be wrong with it."""

import json
import pickle
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import torch

from crossbar.readout import READOUTS
from device_models.presets import find_preset
from device_models.registry import Registry
from device_models.statistics.base import STATISTICS
from device_models.training import DEVICES
from imc_grapes import InputError, RunConfig, plugins, run_experiment
from imc_grapes.cli.app import main
from imc_grapes.config import config_hash, load_run_config, parse_run_config
from imc_grapes.config.identity import file_digests
from imc_grapes.config.yaml_file import dump_yaml, parse_yaml
from imc_grapes.data.base import DATA
from imc_grapes.data.load import load_dataset
from imc_grapes.experiment.footprint.fresh_process import measure_in_fresh_processes
from imc_grapes.experiment.footprint.methods import compared_methods
from imc_grapes.experiment.footprint.sample_data import sample_data
from imc_grapes.experiment.restore import restore
from imc_grapes.networks.base import NETWORKS
from imc_grapes.networks.build import build_network_for
from imc_grapes.plugins import load_again, load_plugin, load_plugins, loaded_plugins

HERE = Path(__file__).with_name("plugins")
FILES = ("tiny_net", "stripes", "soft_bounds", "our_cells", "rough")
CONFIG = """\
name: mine
data: {name: stripes, count: 200, batch_size: 16, validation_fraction: 0.2, train_samples: 120}
network: {kind: tiny_net, width: 3}
hardware: {tile: pcm, device: {model: soft_bounds, step_uS: 0.3}, statistics: {preset: our_cells}}
training: {epochs: 2, grapes: {mode: propagating, readout: {kind: rough, adc_bits: 8}}, optimizer: {lr: 0.1}}
evaluation: {times_s: [25, 3600], repeats: 2}
"""


@pytest.fixture(autouse=True)
def forget(monkeypatch):
    """Entries that a test has added go with it."""
    before = [(registry, set(registry.names)) for registry in Registry.all]
    monkeypatch.setattr(plugins, "_loaded", {})
    monkeypatch.delenv(plugins.VARIABLE, raising=False)
    yield
    for registry, names in before:
        for name in set(registry.names) - names:
            registry.remove(name)


@pytest.fixture
def all_five(forget):
    load_plugins([str(HERE / f"{name}.py") for name in FILES])


@pytest.fixture
def config(all_five, tmp_path):
    (tmp_path / "run.yaml").write_text(CONFIG)
    return load_run_config(tmp_path / "run.yaml")


@pytest.fixture
def plugin(tmp_path):
    def write(text, name="mine.py"):
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


def test_each_is_in_the_schema_with_its_keys(all_five):
    schema = json.dumps(RunConfig.model_json_schema())
    for name in FILES:
        assert f'"{name}"' in schema
    made = NETWORKS["tiny_net"].model_json_schema()["properties"]
    assert made["width"]["description"] == "filters of the convolution."
    assert made["width"]["default"] == 4
    assert set(made) == {"kind", "weights", "width", "bias"}


def test_devices_and_statistics_are_presets(all_five):
    assert find_preset("soft_bounds").title == "Steps that shrink with the room that is left"
    assert find_preset("soft_bounds").build().granularity_uS == pytest.approx(0.4)
    drift = {p.name: p.value for p in find_preset("our_cells").parameters}
    projected = {p.name: p.value for p in find_preset("pcm_projected").parameters}
    assert drift == projected


def test_a_run_uses_all_five_and_is_the_same_twice(config, tmp_path):
    outcome = run_experiment(config, out_dir=tmp_path / "out")
    assert outcome.summary["test_accuracy"] > 0.9
    assert len(outcome.summary["drift"]) == 4
    again = run_experiment(config)
    assert again.summary == outcome.summary
    assert restore(tmp_path / "out").config == config
    assert run_experiment(config, out_dir=tmp_path / "out").summary == outcome.summary


def test_a_footprint_compares_ones_own_readout_in_processes_of_its_own(config):
    compared = compared_methods(config)
    assert "GRAPES, rough, pulsed" in [one.label for one in compared]
    sample = sample_data(config, 2, None)
    assert sample.source == "stripes"
    one = next(one.config for one in compared if one.label.startswith("GRAPES, rough"))
    (found,) = measure_in_fresh_processes([one], sample.dataset, 2, 0, None)
    assert [layer.n_out for layer in found.layers] == [3, 2]


def test_configs_dump_parse_and_travel(config):
    assert RunConfig.model_validate_json(config.model_dump_json(), strict=True) == config
    assert pickle.loads(pickle.dumps(config)) == config


def test_every_entry_that_is_used_is_part_of_the_identity(config):
    assert sorted(file_digests(config)) == [
        "data.name 'stripes' (stripes.py)",
        "hardware.device.model 'soft_bounds' (soft_bounds.py)",
        "hardware.statistics.preset 'our_cells' (our_cells.py)",
        "network.kind 'tiny_net' (tiny_net.py)",
        "training.grapes.readout.kind 'rough' (rough.py)",
    ]
    plain = RunConfig(name="x")
    assert file_digests(plain) == {}
    assert config_hash(plain) == config_hash(plain, {})


def test_values_are_as_strict_as_those_of_built_in_kinds(all_five, tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(CONFIG.replace("width: 3", "width: '3', depth: 2"))
    with pytest.raises(InputError) as caught:
        load_run_config(path)
    assert str(caught.value).splitlines() == [
        f"{path}:3: network.width: input should be a valid integer (got '3')",
        f"{path}:3: network.depth: unknown key; `imc-grapes schema` lists the keys that exist",
    ]


@pytest.mark.parametrize("kind", ["plugins.tiny_net.tiny_net", "plugins/tiny_net.py", "evil:Net"])
def test_a_config_alone_loads_nothing(tmp_path, kind):
    (tmp_path / "evil.py").write_text("from pathlib import Path\nPath('loaded').touch()\n")
    (tmp_path / "run.yaml").write_text(f"name: x\nnetwork: {{kind: '{kind}'}}\n")
    code = "import sys; sys.argv[1:] = ['run', 'run.yaml']; from imc_grapes.cli.app import main; main()"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 2
    assert f"network.kind: '{kind}' is not one of" in ran.stderr
    assert "a config loads no code" in ran.stderr
    assert not (tmp_path / "loaded").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def f(:\n", r"mine\.py:1: SyntaxError"),
        ("\n1 / 0\n", r"mine\.py:2: ZeroDivisionError: division by zero"),
        ("import no_such_module\n", r"No module named 'no_such_module'; files beside a plugin"),
        (
            "from imc_grapes import register\n"
            "@register.network('mlp')\ndef f(*, shape, classes): ...\n",
            r"network\.kind: 'mlp' is registered twice: by .*mlp\.py:\d+, and by .*mine\.py:2",
        ),
        (
            "from imc_grapes import register\n"
            "@register.network('free')\ndef f(*, shape, classes): ...\n"
            "@register.network('odd')\ndef f(*, width, shape, classes): ...\n",
            "the argument width needs an annotation",
        ),
        (
            "from imc_grapes import register\n@register.network('odd')\ndef f(**options): ...\n",
            "every argument needs a name",
        ),
        (
            "from imc_grapes import register\n@register.data('odd')\ndef f(*, batch_size: int): ...\n",
            "the argument batch_size is a key of its own already",
        ),
        (
            "from imc_grapes import register\n"
            "@register.network('odd')\ndef f(*, width: 'Nothing', shape, classes): ...\n",
            "its arguments cannot be read: name 'Nothing' is not defined",
        ),
    ],
)
def test_a_plugin_that_will_not_do_is_named_and_leaves_nothing_behind(plugin, text, message):
    before = NETWORKS.names
    with pytest.raises(InputError, match=f"(?s)plugin .*mine.py: .*{message}"):
        load_plugin(plugin(text))
    assert NETWORKS.names == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere/nets.py", "nowhere/nets.py: cannot be read: No such file"),
        ("no_such_module_at_all", "is neither a file, a folder nor a module"),
    ],
)
def test_a_plugin_that_is_not_there(name, message):
    with pytest.raises(InputError, match=message):
        load_plugin(name)


NETWORK = """\
from torch import nn
from imc_grapes import register
@register.network("odd")
def odd(*, shape, classes):
    '''Odd.'''
    {}
"""


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return classes / 0", r"'odd' \(.*mine\.py:6\): ZeroDivisionError"),
        ("return None", "must return an nn.Module"),
        ("return nn.Flatten()", r"must give a number per class \[1, 10\] \(got \[1, 64\]\)"),
        (
            "return nn.Sequential(nn.Flatten(), nn.Linear(7, classes))",
            r"'odd' \(.*\): RuntimeError",
        ),
    ],
)
def test_what_a_users_function_does_wrong_is_said_with_its_name_and_file(plugin, body, message):
    load_plugin(plugin(NETWORK.format(body)))
    config = RunConfig.model_validate({"name": "x", "network": {"kind": "odd"}})
    dataset = load_dataset(config.data, 0)
    with pytest.raises(InputError, match=f"network.kind: .*{message}"):
        build_network_for(config.network, config.data, 0, dataset, torch.Generator())


SET = """\
import numpy as np
from imc_grapes import register
x, y = np.zeros((6, 4, 4), np.uint8) + 51, np.arange(6) % 3
@register.data("odd")
def odd():
    '''Odd.'''
    return {}
"""


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("x", "must return "),
        ("(x, y[:5]), (x, y)", r"training labels must be 6 whole numbers \(got \[5\]"),
        ("(x, y), (x, y / 2)", "test labels must be 6 whole numbers"),
        ("(x, y - 1), (x, y)", "labels must count from 0"),
        ("(x * 1.0 / 0, y), (x, y)", "NaN or infinity"),
        ("(x, y), (x[:, :2], y)", "differ in size"),
        ("(x.astype(int), y), (x, y)", "must be bytes or floating point"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_a_data_set_must_be(plugin, returned, message):
    load_plugin(plugin(SET.format(returned)))
    with pytest.raises(InputError, match=f"data.name: 'odd' .*{message}"):
        load_dataset(DATA["odd"](), 0)


def test_bytes_are_scaled_and_every_key_of_images_works(plugin):
    load_plugin(plugin(SET.format("(x, y), (x, y)")))
    dataset = load_dataset(DATA["odd"](validation_fraction=0.5, train_samples=4, test_samples=2), 0)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (2, 2, 2)
    assert (dataset.image_shape, dataset.n_classes) == ((1, 4, 4), 3)
    assert float(dataset.train.images.max()) == pytest.approx(0.2)


def test_the_variable_and_module_names(plugin, monkeypatch, tmp_path):
    text = (HERE / "tiny_net.py").read_text()
    paths = [plugin(text.replace("tiny_net", f"net_{one}"), f"{one}_of_a_test.py") for one in "ab"]
    monkeypatch.setenv(plugins.VARIABLE, ":".join([paths[0], "b_of_a_test"]))
    monkeypatch.syspath_prepend(tmp_path)
    load_plugins()
    load_plugins()
    assert {"net_a", "net_b"} <= set(NETWORKS.names)
    used = RunConfig.model_validate({"name": "x", "network": {"kind": "net_b"}})
    assert list(file_digests(used)) == ["network.kind 'net_b' (b_of_a_test.py)"]


def test_installed_packages_bring_theirs_along(plugin, monkeypatch, tmp_path):
    plugin((HERE / "tiny_net.py").read_text(), "package_of_a_test.py")
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("lab", "package_of_a_test", plugins.GROUP)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [point] * (group == point.group))
    load_plugins()
    assert "tiny_net" in NETWORKS


OVER_TIME = """\
from torch import nn
from imc_grapes import register

class Net(nn.Module):
    def __init__(self, *, units: int = 6, shape, classes):
        super().__init__()
        self.layer, self.out = nn.GRU(shape[0], units), nn.Linear(units, classes)

    def forward(self, x, state=None):
        signal, state = self.layer(x, state)
        return self.out(signal.flatten(0, 1)).unflatten(0, signal.shape[:2]), state

register.network("net_of_a_test", takes="sequences")(Net)
"""


@pytest.mark.parametrize(
    "hardware", [{"tile": "digital"}, {"tile": "pcm", "array": {"weight_range": "auto"}}]
)
def test_a_class_of_modules_over_time_reads_images_row_by_row(plugin, hardware):
    load_plugin(plugin(OVER_TIME))
    values = {
        "name": "x",
        "data": {"sequence": "rows", "train_samples": 64, "test_samples": 20},
        "network": {"kind": "net_of_a_test", "units": 5},
        "hardware": hardware,
        "training": {"epochs": 1},
        "evaluation": {"repeats": 1},
    }
    outcome = run_experiment(RunConfig.model_validate(values))
    assert 0.0 <= outcome.summary["test_accuracy"] <= 1.0
    text = dump_yaml({**values, "data": {"name": "digits"}, "hardware": {"tile": "digital"}})
    with pytest.raises(InputError, match="a network of kind 'net_of_a_test' takes images as spike"):
        parse_run_config(parse_yaml(text, "x"))


def test_a_folder_is_one_plugin_whose_files_all_count(tmp_path):
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "__init__.py").write_text("from . import nets\n")
    (folder / "nets.py").write_text((HERE / "tiny_net.py").read_text())
    first = load_plugin(str(folder))
    used = RunConfig.model_validate({"name": "x", "network": {"kind": "tiny_net"}})
    assert file_digests(used) == {"network.kind 'tiny_net' (nets.py)": first.digest}
    (folder / "nets.py").write_text("")
    assert plugins._digest(plugins._sources_at(folder)) != first.digest


def test_another_process_gets_the_very_source_even_where_the_file_is_gone(plugin, tmp_path):
    path = plugin((HERE / "tiny_net.py").read_text())
    load_plugin(path)
    Path(path).write_text("raise RuntimeError('another one')")
    (tmp_path / "sent").write_bytes(pickle.dumps(loaded_plugins()))
    code = (
        "import pickle, sys\n"
        "from imc_grapes.plugins import load_again\n"
        "from imc_grapes.networks.base import NETWORKS\n"
        "load_again(pickle.load(open('sent', 'rb')))\n"
        "print(NETWORKS['tiny_net']().width)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert ran.stdout.strip() == "4", ran.stderr


def test_an_installed_module_that_differs_on_a_worker_is_refused(plugin, monkeypatch, tmp_path):
    plugin((HERE / "tiny_net.py").read_text(), "module_of_a_test.py")
    monkeypatch.syspath_prepend(tmp_path)
    here = load_plugin("module_of_a_test")
    sent = plugins.Plugin(here.asked, here.module, "0" * 64, None)
    with pytest.raises(InputError, match=r"plugin module_of_a_test: is another one on .*000000"):
        load_again([sent])


def test_statistics_that_are_none(plugin):
    load_plugin(
        plugin(
            "from imc_grapes import register\n"
            "@register.statistics('odd')\ndef odd():\n    '''Odd.'''\n    return {'drifts': 1}\n"
        )
    )
    config = {"name": "x", "hardware": {"tile": "digital", "statistics": {"preset": "odd"}}}
    with pytest.raises(InputError, match=r"preset: 'odd' .*must return InferenceStatistics, or"):
        RunConfig.model_validate(config).hardware.statistics.build()


def test_nothing_of_a_test_is_left():
    for registry in (NETWORKS, DATA, DEVICES, STATISTICS, READOUTS):
        assert not set(registry.names) & {*FILES, "odd"}


def test_the_command_line_lists_and_shows_what_is_registered(monkeypatch, capsys):
    def printed(*arguments):
        paths = [part for name in FILES for part in ("--plugin", str(HERE / f"{name}.py"))]
        monkeypatch.setattr(sys, "argv", ["imc-grapes", *paths, *arguments])
        monkeypatch.setattr(plugins, "_loaded", {})
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        for registry, names in before:
            for name in set(registry.names) - names:
                registry.remove(name)
        return json.loads(capsys.readouterr().out)

    before = [(registry, set(registry.names)) for registry in Registry.all]
    listed = printed("presets", "--json")
    assert {"soft_bounds", "our_cells"} <= {one["name"] for one in listed["device_models"]}
    for key, name in (
        ("network.kind", "tiny_net"),
        ("data.name", "stripes"),
        ("training.grapes.readout.kind", "rough"),
    ):
        assert name in {one["name"] for one in listed[key]}
    assert printed("presets", "tiny_net", "--json")["keys"]["width"] == {
        "default": 4,
        "description": "filters of the convolution.",
    }
    schema = json.dumps(printed("schema"))
    assert all(f'"{name}"' in schema for name in FILES)
