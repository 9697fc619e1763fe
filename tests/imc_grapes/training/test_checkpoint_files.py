"""Checkpoints as files: read without running anything, whoever wrote them, and refused in one message."""

import io
import os
import pickle
import subprocess
import sys
import zipfile
from dataclasses import replace

import pytest
import torch
from stop_after import StopAfter

from imc_grapes import InputError, RunConfig, run_experiment
from imc_grapes.data.load import load_dataset
from imc_grapes.experiment import Interrupted
from imc_grapes.experiment.assemble import prepare
from imc_grapes.experiment.listener import Listener
from imc_grapes.experiment.restore import restore
from imc_grapes.training.checkpoint import save_checkpoint

ADAM = {"name": "adam", "lr": 0.01}
KINDS = {
    "digital": {"training": {"epochs": 2, "optimizer": ADAM, "keep": "best"}},
    "grapes": {"training": {"epochs": 2, "grapes": {"mode": "propagating"}}},
    "pulsed": {"hardware": {"tile": "pcm"}},
    "accumulated": {
        "hardware": {
            "tile": "pcm",
            "update": {
                "kind": "accumulated",
                "optimizer": {"name": "momentum", "state_bits": 16},
            },
            "faults": {"stuck_reset": 0.1},
            "array": {"rows": 24},
        },
        "training": {
            "epochs": 2,
            "keep": "best",
            "optimizer": {"name": "momentum", "lr": 0.01},
            "grapes": {"mode": "local", "readout": {"kind": "probe", "k": 3, "refresh_every": 3}},
        },
    },
    "aihwkit": {
        "hardware": {"tile": "aihwkit", "preset": "PCMPreset"},
        "training": {"epochs": 2, "keep": "best"},
    },
}


def config_of(kind):
    values = {
        "name": "short",
        "data": {"name": "digits", "batch_size": 16, "train_samples": 100, "test_samples": 20},
        "network": {"kind": "mlp", "hidden": (9, 8), "bias": True},
        "training": {"epochs": 2},
    }
    return RunConfig.model_validate({**values, **KINDS[kind]})


def stopped(kind, folder, batches=8):
    with pytest.raises(Interrupted):
        run_experiment(config_of(kind), out_dir=folder, listener=StopAfter(batches))
    return folder / "checkpoint.pt"


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_is_plain_data_and_goes_on(kind, tmp_path):
    file = stopped(kind, tmp_path)
    torch.load(file, weights_only=True)
    outcome = run_experiment(config_of(kind), out_dir=tmp_path, resume=True)
    assert outcome.summary["epoch"] >= 1
    whole = torch.load(file, weights_only=True)
    assert whole["position"]["epoch"] == 2
    assert restore(tmp_path).summary == outcome.result


class Runs:
    """What pickle runs when it reads it: makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def pickled_by(protocol):
    def write(content, path):
        torch.save(content, path, pickle_protocol=protocol)

    return write


def old_format(content, path):
    torch.save(content, path, _use_new_zipfile_serialization=False)


def bare_pickle(content, path):
    path.write_bytes(pickle.dumps(content))


@pytest.mark.parametrize(
    "write", [pickled_by(2), pickled_by(4), old_format, bare_pickle], ids=["2", "4", "old", "bare"]
)
def test_nothing_in_a_file_is_run(write, tmp_path):
    file = stopped("digital", tmp_path / "run")
    for content in (
        {**torch.load(file, weights_only=True), "grapes": Runs(tmp_path / "hacked")},
        Runs(tmp_path / "hacked"),
    ):
        write(content, file)
        with pytest.raises(InputError, match=r"checkpoint.pt: "):
            run_experiment(config_of("digital"), out_dir=tmp_path / "run", resume=True)
        assert not (tmp_path / "hacked").exists()


def test_nothing_is_run_by_the_commands(tmp_path):
    """As someone would meet it: a folder that was handed on, its pictures, and `--resume`."""
    run = tmp_path / "run"
    run_experiment(config_of("digital"), out_dir=run)
    held = torch.load(run / "checkpoint.pt", weights_only=True)
    torch.save({**held, "model": Runs(tmp_path / "hacked")}, run / "checkpoint.pt")
    for command in (["pictures", run], ["run", run / "config.yaml", "--out", run, "--resume"]):
        if command[0] == "run":
            (run / "summary.json").unlink()
        ended = subprocess.run(
            [sys.executable, "-c", "from imc_grapes.cli.app import main; main()", *command],
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 2
        assert "Traceback" not in ended.stderr
        assert "asks for posix.mkdir" in ended.stderr.replace("\n", " ")
        assert not (tmp_path / "hacked").exists()


def test_a_checkpoint_of_an_earlier_version_says_what_to_do(tmp_path):
    """They held objects: metrics as a class, and configurations of tiles."""
    file = stopped("digital", tmp_path)
    held = torch.load(file, weights_only=True)
    torch.save({**held, "position": {"metrics": [config_of("digital")]}}, file)
    with pytest.raises(
        InputError,
        match=r"asks for .*written by an earlier version.*choose a new folder with --out",
    ):
        run_experiment(config_of("digital"), out_dir=tmp_path, resume=True)


def in_zip(file, change, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(file) as archive:
        records = {one.filename: archive.read(one) for one in archive.infolist()}
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in records.items():
            archive.writestr(name, change(name, content))


def laughing():
    nest = [0]
    for _ in range(60):
        nest = [nest, nest]
    return nest


class Takes:
    def __reduce__(self):
        return bytearray, (2**40,)


@pytest.mark.parametrize(
    ("put", "words"),
    [
        (Takes, "asks for __builtin__.bytearray"),
        (laughing, "holds more than"),
        (lambda: torch.zeros(1).expand(10**9, 10**9), "bytes are fewer"),
        (lambda: torch.zeros(3).to_sparse(), "asks for torch"),
        (lambda: torch.zeros(3, device="meta"), "asks for torch"),
        (lambda: torch.quantize_per_tensor(torch.zeros(3), 1.0, 0, torch.qint8), "asks for torch"),
    ],
    ids=["bytearray", "laughs", "expanded", "sparse", "meta", "quantised"],
)
def test_a_file_that_would_fill_the_memory_is_refused(put, words, tmp_path):
    file = stopped("digital", tmp_path)
    held = torch.load(file, weights_only=True)
    torch.save({**held, "grapes": put()}, file)
    with pytest.raises(InputError, match=words):
        run_experiment(config_of("digital"), out_dir=tmp_path, resume=True)


def test_a_compressed_file_is_refused_before_it_is_unpacked(tmp_path):
    file = stopped("digital", tmp_path)
    in_zip(
        file,
        lambda name, content: b"\0" * 10**7 if "/data/0" in name else content,
        zipfile.ZIP_DEFLATED,
    )
    with pytest.raises(InputError, match="holds more than its size on disk"):
        run_experiment(config_of("digital"), out_dir=tmp_path, resume=True)


CHANGES = [
    ("model", None),
    ("model", {}),
    ("model", "layers.0.weight", torch.zeros(2)),
    ("optimizer", None),
    ("optimizer", "param_groups", []),
    ("optimizer", "param_groups", 0, {}),
    ("optimizer", "state", {99: {}}),
    ("optimizer", "state", {0: {"exp_avg": torch.zeros(10**6)}}),
    ("order", torch.zeros(3)),
    ("order", "state"),
    ("global_random_state", torch.zeros(3, dtype=torch.uint8)),
    ("position", None),
    ("position", "epoch", -1),
    ("position", "epoch", 1.5),
    ("position", "epoch", 1000),
    ("position", "batch", 10**9),
    ("position", "seen", 0),
    ("position", "loss_sum", "much"),
    ("position", "order_state", torch.zeros(5)),
    ("position", "metrics", [{}]),
    ("position", "metrics", 7),
    ("position", "best", {"epoch": "first"}),
    ("position", "best_weights", 3),
    ("position", "extra", 3),
    ("config_hash", "0" * 10**5),
    ("more", 1),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: " ".join(map(str, change))[:40])
def test_wrong_content_is_one_message(change, tmp_path, checkpoint):
    folder = tmp_path / "run"
    folder.mkdir()
    for name, content in checkpoint.items():
        (folder / name).write_bytes(content)
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    put(state, *change)
    torch.save(state, folder / "checkpoint.pt")
    with pytest.raises(InputError, match=r"checkpoint\.pt: ") as raised:
        run_experiment(config_of("digital"), out_dir=folder, resume=True)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 1000


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("pulsed", ("state_extra", "devices", "turn", 10**9)),
        ("pulsed", ("rpu_config", {})),
        ("aihwkit", ("forward", "nothing")),
        ("aihwkit", ("analog_tile_weights", torch.zeros(3))),
        ("aihwkit", ("analog_tile_hidden_parameters", torch.zeros(3))),
        ("aihwkit", None),
    ],
)
def test_wrong_content_of_a_tile_is_one_message(kind, change, tmp_path):
    file = stopped(kind, tmp_path)
    state = torch.load(file, weights_only=True)
    name = next(name for name in state["model"] if name.endswith("analog_tile_state"))
    if change is None:
        state["model"][name] = None
    else:
        put(state["model"][name], *change)
    torch.save(state, file)
    with pytest.raises(InputError, match=r"checkpoint\.pt: its content does not fit the run: "):
        run_experiment(config_of(kind), out_dir=tmp_path, resume=True)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stopped")
    stopped("digital", folder)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def put(state, *path_and_value):
    *path, last, value = path_and_value
    for name in path:
        state = state[name]
    state[last] = value


def test_what_a_file_cannot_hold_is_said_when_it_is_written(tmp_path):
    class Odd(torch.nn.Linear):
        def get_extra_state(self):
            return io.StringIO()

        def set_extra_state(self, state):
            pass

    config = config_of("digital")
    trainer, _ = prepare(config, load_dataset(config.data, 0), Listener())
    odd = replace(trainer, model=torch.nn.Sequential(Odd(2, 2)))
    with pytest.raises(InputError, match=r"cannot hold model\.0\._extra_state: a StringIO"):
        save_checkpoint(odd, "hash", tmp_path / "checkpoint.pt")
