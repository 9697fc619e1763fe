"""Runs under every error transport: what they learn, what they report, and that they can be interrupted."""

import json

import pytest
from stop_after import StopAfter

from imc_grapes import InputError, RunConfig, run_experiment
from imc_grapes.config import parse_run_config
from imc_grapes.config.yaml_file import parse_yaml
from imc_grapes.experiment import Interrupted


def run_config(**changes):
    values = {
        "name": "transport",
        "data": {"name": "digits", "batch_size": 16},
        "network": {"kind": "mlp", "hidden": (64, 32)},
    }
    return RunConfig.model_validate({**values, **changes})


@pytest.mark.parametrize("transport", ["fa", "dfa"])
@pytest.mark.parametrize("mode", ["none", "propagating", "lr_matched"])
def test_digits_are_learned(transport, mode):
    training = {"epochs": 8, "error_transport": transport, "grapes": {"mode": mode}}
    training["optimizer"] = {"lr": 0.05}
    summary = run_experiment(run_config(training=training)).summary
    assert summary["test_accuracy"] > 0.85
    weights = {"fa": 64 * 32 + 32 * 10, "dfa": 64 * 10 + 32 * 10}[transport]
    assert summary["feedback_weights"] == weights
    assert summary["feedback_devices"] is None
    angles = summary["alignment_angle_deg"]
    # An angle below 90 degrees is what makes feedback alignment learn.
    assert 0 < angles["transport"]["whole_deg"] < 85
    assert angles["transport"]["layers_deg"]["5"] < 1e-3
    assert (angles["modulation"] is None) == (mode == "none")
    if mode == "lr_matched":
        assert all(angle < 1e-2 for angle in angles["modulation"]["layers_deg"].values())


def test_convolutions_learn_by_direct_feedback():
    training = {"epochs": 8, "error_transport": "dfa", "grapes": {"mode": "propagating"}}
    config = run_config(
        network={"kind": "cnn", "channels": (8, 16), "kernel_size": 3, "hidden": (32,)},
        training={**training, "optimizer": {"lr": 0.01}},
    )
    summary = run_experiment(config).summary
    assert summary["test_accuracy"] > 0.6
    # The first convolution sends to no one; what the others send has the shape of their inputs.
    assert summary["feedback_weights"] == 10 * (8 * 4 * 4 + 16 * 2 * 2 + 32)


HARDWARE = {
    "digital": {"tile": "digital"},
    "pcm": {"tile": "pcm", "device": {"model": "nandakumar2018"}, "update": {"kind": "pulsed"}},
}


@pytest.mark.parametrize("tile", HARDWARE)
@pytest.mark.parametrize("transport", ["fa", "dfa"])
def test_a_resumed_run_leaves_the_same_bytes(tmp_path, transport, tile):
    config = run_config(
        data={"name": "digits", "batch_size": 16, "train_samples": 96, "test_samples": 40},
        network={"kind": "mlp", "hidden": (9, 8)},
        training={"epochs": 3, "error_transport": transport, "grapes": {"mode": "propagating"}},
        evaluation={"repeats": 1},
        hardware=HARDWARE[tile],
    )
    run_experiment(config, out_dir=tmp_path / "whole")
    per_epoch = -(-96 // 16)
    for batches in (2, per_epoch + 1):
        folder = tmp_path / f"stopped after {batches}"
        with pytest.raises(Interrupted):
            run_experiment(config, out_dir=folder, listener=StopAfter(batches))
        run_experiment(config, out_dir=folder, resume=True)
        for name in ("summary.json", "metrics.jsonl"):
            assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    # All batches are over, and no feedback weights have been drawn in this process yet.
    expected = (tmp_path / "whole" / "summary.json").read_bytes()
    (tmp_path / "whole" / "summary.json").unlink()
    run_experiment(config, out_dir=tmp_path / "whole", resume=True)
    assert (tmp_path / "whole" / "summary.json").read_bytes() == expected
    summary = json.loads(expected)
    weights = {"fa": 9 * 8 + 8 * 10, "dfa": 9 * 10 + 8 * 10}[transport]
    assert summary["feedback_weights"] == weights
    assert summary["feedback_devices"] == (2 * weights if tile == "pcm" else None)


def test_backpropagation_has_no_feedback():
    config = run_config(
        data={"name": "digits", "batch_size": 16, "train_samples": 32, "test_samples": 20},
        training={"epochs": 1, "error_transport": "bp"},
    )
    summary = run_experiment(config).summary
    assert summary["feedback_weights"] == 0
    assert summary["alignment_angle_deg"] is None


@pytest.mark.parametrize(
    ("preset", "lr"), [("StandardHWATrainingPreset", 0.05), ("GokmenVlasovPreset", 0.05)]
)
@pytest.mark.parametrize("transport", ["fa", "dfa"])
def test_tiles_of_aihwkit_learn(preset, lr, transport):
    training = {"error_transport": transport, "grapes": {"mode": "propagating"}}
    config = run_config(
        network={"kind": "mlp", "hidden": (128, 128)},
        hardware={"tile": "aihwkit", "preset": preset},
        evaluation={"repeats": 1},
        training={"epochs": 3, "optimizer": {"lr": lr}, **training},
    )
    summary = run_experiment(config).summary
    # Chance is 0.1; these tiles cannot be seeded.
    assert summary["test_accuracy"] > 0.35
    weights = summary["feedback_weights"]
    assert summary["feedback_devices"] == (2 * weights if preset == "GokmenVlasovPreset" else None)


@pytest.mark.parametrize("tile", HARDWARE)
def test_measuring_the_angle_changes_nothing_else(monkeypatch, tile):
    config = run_config(
        data={"name": "digits", "batch_size": 16, "train_samples": 48, "test_samples": 40},
        network={"kind": "mlp", "hidden": (9, 8), "dropout": 0.2},
        training={"epochs": 1, "grapes": {"mode": "propagating"}},
        evaluation={"repeats": 1},
        hardware=HARDWARE[tile],
    )
    with_angle = run_experiment(config).summary
    assert with_angle["alignment_angle_deg"]["modulation"]["whole_deg"] > 0
    monkeypatch.setattr("imc_grapes.experiment.run.measure_alignment", lambda *_: None)
    without = run_experiment(config).summary
    assert {**with_angle, "alignment_angle_deg": None} == without


def check(text):
    parse_run_config(parse_yaml(f"name: x\n{text}\n", "x.yaml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "data: {name: jsb}\nnetwork: {kind: snu, hidden: [9]}\ntraining: {error_transport: dfa}",
            r"training.error_transport: 'dfa' is not defined over time.* 'snu'",
        ),
        (
            "network: {kind: mlp, hidden: []}\ntraining: {error_transport: fa}",
            r"training.error_transport: .*network.hidden is empty",
        ),
        (
            "network: {kind: mlp, hidden: [9]}\n"
            "training: {error_transport: dfa, grapes: {mode: propagating}}",
            r"training.grapes.mode: .*first hidden layer gets no factor",
        ),
        (
            "training: {error_transport: dfa, grapes: {mode: local}}",
            r"training.grapes.mode: 'local'.* under dfa",
        ),
        (
            "hardware: {tile: pcm}\n"
            "training: {error_transport: dfa, grapes: {mode: propagating, readout: {kind: probe}}}",
            r"training.grapes.readout: the circuit probe",
        ),
        ("training: {grapes: {clip: false}}", r"training.grapes.clip: is False.*mode is none"),
        ("training: {error_transport: up}", r"training.error_transport.*'bp', 'fa' or 'dfa'"),
    ],
)
def test_combinations_that_cannot_be_honoured_are_refused(text, message):
    with pytest.raises(InputError, match=message):
        check(text)
