import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from imc_grapes import InputError, PCMConfig, RunConfig, run_experiment, to_crossbar
from imc_grapes.config import load_run_config
from imc_grapes.config.yaml_file import dump_yaml
from imc_grapes.data.load import load_dataset
from imc_grapes.experiment.restore import restore
from imc_grapes.networks.mlp import MLPConfig
from imc_grapes.networks.weights import load_weights
from imc_grapes.objectives.image_classification import accuracy

CONFIG = """\
name: trained elsewhere
data: {name: digits, train_samples: 100, test_samples: 60}
network: {kind: mlp, hidden: [8], weights: net.pth}
training: {epochs: 0}
"""


def network(seed=0, hidden=(8,)):
    return MLPConfig(hidden=hidden).build((1, 8, 8), 10, torch.Generator().manual_seed(seed))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "run.yaml").write_text(CONFIG)
    torch.save(network(seed=7).state_dict(), tmp_path / "net.pth")
    return tmp_path


@pytest.mark.parametrize(
    "form", ["net.safetensors", "net.pt", "wrapped.pth", "parallel.pth", "old.pth"]
)
def test_every_form_gives_the_same_weights(tmp_path, form):
    wanted, path = network(seed=7).state_dict(), tmp_path / form
    if path.suffix == ".safetensors":
        save_file(wanted, path)
    elif form == "wrapped.pth":
        torch.save({"epoch": 3, "state_dict": wanted}, path)
    elif form == "parallel.pth":
        torch.save({f"module.{name}": tensor for name, tensor in wanted.items()}, path)
    else:
        torch.save(wanted, path, _use_new_zipfile_serialization=form != "old.pth")
    found = network(seed=0)
    load_weights(found, path)
    for name, tensor in found.state_dict().items():
        assert torch.equal(tensor, wanted[name])


class Evil:
    def __reduce__(self):
        return Path.touch, (Path("loaded"),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda: {"1.weight": torch.zeros(8, 64)}, "it lacks 3.weight"),
        (
            lambda: {**network().state_dict(), "4.bias": torch.zeros(1)},
            "holds what the network does not have: 4.bias",
        ),
        (
            lambda: network(hidden=(9,)).state_dict(),
            r"has other shapes: 1.weight \[9, 64\] for \[8, 64\], 3.weight \[10, 9\] for \[10, 8\]",
        ),
        (
            lambda: {f"layer{n}": torch.zeros(1) for n in range(9)},
            r"it lacks 1.weight, 3.weight; it holds .* layer0, layer1, layer2 and 6 more",
        ),
        (lambda: [1, 2], "holds no state dict"),
        (lambda: {"state_dict": {"a": 1}}, "holds no state dict"),
        (Evil, "cannot be read as tensors alone"),
        (network, "cannot be read as tensors alone"),
    ],
)
def test_what_does_not_fit_is_one_message(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    torch.save(content(), tmp_path / "net.pth")
    with pytest.raises(InputError, match=f"^network.weights: .*net.pth: .*{message}"):
        load_weights(network(), tmp_path / "net.pth")
    assert not Path("loaded").exists()


@pytest.mark.parametrize(
    ("write", "cause"),
    [
        (
            lambda path: torch.save(network(), path),
            " (it asks for __builtin__.set, torch.nn.modules.",
        ),
        (lambda path: path.write_text("from torch import nn"), " (it is no file of torch.save"),
        (lambda path: path.write_bytes(b""), " (it is no file of torch.save"),
    ],
)
def test_no_message_advises_to_run_the_code_in_a_file(tmp_path, write, cause):
    write(tmp_path / "net.pth")
    with pytest.raises(InputError) as caught:
        load_weights(network(), tmp_path / "net.pth")
    assert f"which is all that is read of a .pt file{cause}" in str(caught.value)
    assert "weights_only" not in str(caught.value)


class Takes:
    def __reduce__(self):
        return bytearray, (2**40,)


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("content", [Takes(), Evil(), {"state_dict": {"a": Takes()}}])
def test_nothing_that_a_file_asks_for_is_called(content, new, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(content, tmp_path / "net.pth", _use_new_zipfile_serialization=new)
    with pytest.raises(InputError, match=r"\(it asks for "):
        load_weights(network(), tmp_path / "net.pth")
    assert not Path("loaded").exists()


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
def test_files_that_are_none(tmp_path, name):
    with pytest.raises(InputError, match="cannot be read"):
        load_weights(network(), tmp_path / name)
    (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match=r"cannot be read as tensors|is not a file of safetensors"):
        load_weights(network(), tmp_path / name)


def test_counts_of_batches_may_be_missing(tmp_path):
    with_norm = nn.Sequential(nn.BatchNorm1d(2))
    old = {k: v for k, v in with_norm.state_dict().items() if "num_batches" not in k}
    torch.save(old, tmp_path / "old.pt")
    load_weights(with_norm, tmp_path / "old.pt")


def test_no_epochs_evaluate_the_network_as_it_is(folder, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    config = load_run_config(folder / "run.yaml")
    outcome = run_experiment(config, out_dir=tmp_path / "out")
    test = load_dataset(config.data, config.seed).test
    assert outcome.summary["test_accuracy"] == accuracy(network(seed=7), test)
    assert outcome.metrics == []
    assert (outcome.summary["epoch"], outcome.summary["train_loss"]) == (0, None)
    assert outcome.summary["validation_accuracy"] is not None
    assert restore(tmp_path / "out").summary == outcome.result
    assert run_experiment(config).summary == outcome.summary


@pytest.mark.parametrize(
    "hardware",
    [
        {"tile": "pcm", "array": {"weight_range": "auto"}, "io": {"perfect": True}},
        {"tile": "digital", "statistics": {"preset": "ideal"}},
    ],
)
def test_weights_go_on_devices(folder, hardware):
    config = load_run_config(folder / "run.yaml")
    config = RunConfig.model_validate({**config.model_dump(), "hardware": hardware})
    outcome = run_experiment(config)
    plain = accuracy(network(seed=7), load_dataset(config.data, config.seed).test)
    assert outcome.summary["test_accuracy"] == pytest.approx(plain, abs=0.05)
    assert outcome.summary["drift"]


def test_changed_weights_are_named_and_refused(folder, tmp_path):
    config = load_run_config(folder / "run.yaml")
    run_experiment(config, out_dir=tmp_path / "out")
    torch.save(network(seed=8).state_dict(), folder / "net.pth")
    with pytest.raises(InputError, match=r"holds a run of other files:\n .*net.pth: content"):
        run_experiment(load_run_config(folder / "run.yaml"), out_dir=tmp_path / "out")


def test_a_file_that_is_not_there_is_said_with_the_line(folder):
    (folder / "net.pth").unlink()
    with pytest.raises(InputError, match=r"run.yaml:3: network.weights: .*net.pth: no such file"):
        load_run_config(folder / "run.yaml")


@pytest.mark.parametrize(
    "section",
    [
        {"training": {"epochs": 0, "patience": 2}},
        {"training": {"epochs": 0, "keep": "best"}},
        {"training": {"epochs": 0}, "evaluation": {"target_accuracy": 0.9}},
        {"training": {"epochs": 0}, "data": {"tasks": {"permuted": 2}}},
        {"training": {"epochs": 0}, "data": {"augmentation": {"shift": 0.1}}},
    ],
)
def test_what_is_about_training_is_refused_without_epochs(tmp_path, section):
    (tmp_path / "run.yaml").write_text(dump_yaml({"name": "x", **section}))
    with pytest.raises(InputError, match=r"is about training, and training.epochs is 0"):
        load_run_config(tmp_path / "run.yaml")


def test_a_config_with_weights_pickles_and_one_without_has_no_such_key(folder):
    config = load_run_config(folder / "run.yaml")
    assert pickle.loads(pickle.dumps(config)) == config
    assert config.model_dump(mode="json")["network"]["weights"] == str(folder / "net.pth")
    assert "weights" not in RunConfig(name="x").model_dump()["network"]


def test_the_checkpoint_of_a_run_gives_its_weights(tmp_path):
    config = load_run_config(_written(tmp_path, CONFIG.replace(", weights: net.pth", "")))
    config = config.model_copy(
        update={"training": config.training.model_copy(update={"epochs": 1})}
    )
    run_experiment(config, out_dir=tmp_path / "run")
    found = network()
    load_weights(found, tmp_path / "run" / "checkpoint.pt")
    trained = restore(tmp_path / "run").trainer.model.state_dict()
    assert all(torch.equal(found.state_dict()[name], trained[name]) for name in trained)


def _written(folder, text):
    path = folder / "digital.yaml"
    path.write_text(text)
    return path


def test_a_model_on_arrays_gives_its_weights(tmp_path):
    arrays = PCMConfig(update="software", io={"inp_range": "calibrated"}, seed=0)
    trained = to_crossbar(network(seed=7), arrays).state_dict()
    torch.save(trained, tmp_path / "arrays.pt")
    found = network()
    load_weights(found, tmp_path / "arrays.pt")
    assert all(torch.equal(value, trained[name]) for name, value in found.state_dict().items())
