"""Whole runs on sequences: what they write, going on after a stop, early stopping, devices, bad data."""

import json

import pytest
from made_up_data import write_music, write_text
from stop_after import StopAfter

from imc_grapes import InputError, RunConfig, run_experiment
from imc_grapes.experiment import Interrupted
from imc_grapes.experiment.restore import restore

MUSIC = {
    "name": "music",
    "data": {"name": "jsb", "batch_size": 4},
    "network": {"kind": "snu", "hidden": (10,), "output_bias": -3.0},
    "training": {"epochs": 4, "optimizer": {"name": "adam", "lr": 0.02}},
}
WORDS = {
    "name": "words",
    "data": {"name": "ptb", "batch_size": 4, "window": 5},
    "network": {"kind": "ssnu", "hidden": (8,), "recurrent": True, "embedding": 8, "tied": True},
    "training": {"epochs": 3, "optimizer": {"name": "adam", "lr": 0.02}},
}
RATES = {
    "name": "rates",
    "data": {
        "name": "digits",
        "batch_size": 16,
        "train_samples": 150,
        "test_samples": 50,
        "rate_coding": {"steps": 8},
    },
    "network": {"kind": "snu", "hidden": (12,), "output": "units", "decay": 0.9},
    "training": {"epochs": 2, "loss": "squared_error", "optimizer": {"name": "sgd", "lr": 0.5}},
}


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    write_music(folder)
    write_text(folder)
    return folder


def config(values, **sections):
    merged = {key: {**values[key], **changes} for key, changes in sections.items() if key in values}
    rest = {key: changes for key, changes in sections.items() if key not in values}
    return RunConfig.model_validate({**values, **merged, **rest})


@pytest.mark.parametrize(
    ("values", "metric", "at_first"), [(MUSIC, "nll", 15.0), (WORDS, "perplexity", 9.0)]
)
def test_a_run_learns_and_says_in_what_it_is_measured(values, metric, at_first, data, tmp_path):
    outcome = run_experiment(config(values), data_dir=data, out_dir=tmp_path / "run")
    assert outcome.summary["metric"] == metric
    assert outcome.summary[f"test_{metric}"] < at_first
    assert outcome.summary[f"validation_{metric}"] is not None
    first, *_, last = [line[f"validation_{metric}"] for line in outcome.metrics]
    assert last < first
    assert json.loads((tmp_path / "run" / "summary.json").read_text()) == outcome.summary


def test_the_likelihood_per_chorale_stands_beside_the_one_per_time_step(data):
    """In the summary, in every epoch, and at every time since programming."""
    chosen = config(
        MUSIC,
        training={**MUSIC["training"], "keep": "best"},
        hardware={"tile": "digital", "statistics": {"preset": "pcm_nandakumar2019"}},
        evaluation={"times_s": (25.0,), "repeats": 2},
    )
    outcome = run_experiment(chosen, data_dir=data)
    best = outcome.metrics[outcome.summary["epoch"] - 1]
    for part in ("validation", "test"):
        over_steps, over_chorales = f"{part}_nll", f"{part}_nll_per_chorale"
        assert outcome.summary[over_chorales] == best[over_chorales]
        assert outcome.summary[over_chorales] == pytest.approx(best[over_steps], rel=0.1)
        assert outcome.summary[over_chorales] != best[over_steps]
    for point in outcome.summary["drift"]:
        assert point["nll_per_chorale"] == pytest.approx(point["mean"], rel=0.1)
        assert point["nll_per_chorale"] != point["mean"]
    assert "validation_accuracy" not in best
    words = run_experiment(config(WORDS), data_dir=data)
    assert not [key for key in words.summary if "chorale" in key]


@pytest.mark.parametrize("values", [MUSIC, WORDS, RATES])
@pytest.mark.parametrize("stop_after", [2, 5])
def test_a_stopped_run_goes_on_to_the_same_bytes(values, stop_after, data, tmp_path):
    chosen = config(values, training={**values["training"], "keep": "best"})
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run_experiment(chosen, data_dir=data, out_dir=whole)
    with pytest.raises(Interrupted):
        run_experiment(chosen, data_dir=data, out_dir=parts, listener=StopAfter(stop_after))
    run_experiment(chosen, data_dir=data, out_dir=parts, resume=True)
    for name in ("summary.json", "metrics.jsonl"):
        assert (whole / name).read_bytes() == (parts / name).read_bytes()


def test_the_best_epoch_is_kept_and_patience_ends_the_training(data):
    hasty = {"name": "adam", "lr": 0.5}
    training = {"epochs": 30, "patience": 3, "keep": "best", "optimizer": hasty}
    outcome = run_experiment(config(MUSIC, training=training), data_dir=data)
    scores = [line["validation_nll"] for line in outcome.metrics]
    best = min(range(len(scores)), key=scores.__getitem__)
    assert len(scores) == best + 1 + 3 < 30
    assert outcome.summary["validation_nll"] == scores[best]
    assert outcome.summary["epoch"] == best + 1
    assert outcome.summary["test_nll"] == outcome.metrics[best]["test_nll"]


def test_spikes_are_counted_and_only_of_units_that_fire(data):
    spiking = run_experiment(config(MUSIC), data_dir=data).summary["spikes_per_step"]
    assert set(spiking) == {"layers.0"}
    assert 0.0 < spiking["layers.0"] < 1.0
    soft = config(MUSIC, network={"kind": "ssnu"})
    assert run_experiment(soft, data_dir=data).summary["spikes_per_step"] == {}


def test_devices_are_counted_in_place_and_after_programming(data):
    pairs = 2 * (88 * 10 + 10 * 88)
    digital = run_experiment(config(MUSIC), data_dir=data).summary
    assert digital["pcm_devices"] is None
    assert digital["drift"] == []
    evaluation = {"times_s": (25.0, 3600.0), "repeats": 2}
    programmed = {"tile": "digital", "statistics": {"preset": "pcm_nandakumar2019"}}
    in_place = {
        "tile": "pcm",
        "device": {"model": "nandakumar2018"},
        "update": {"kind": "accumulated"},
    }
    for hardware in (programmed, in_place):
        chosen = config(MUSIC, hardware=hardware, evaluation=evaluation)
        summary = run_experiment(chosen, data_dir=data).summary
        assert summary["pcm_devices"] == pairs
        assert len(summary["drift"]) == 4


def test_a_finished_run_can_be_restored(data, tmp_path):
    chosen = config(MUSIC, training={**MUSIC["training"], "keep": "best"})
    outcome = run_experiment(chosen, data_dir=data, out_dir=tmp_path / "run")
    run = restore(tmp_path / "run", data)
    score = run.trainer.task.score(run.trainer.model, run.trainer.dataset.test)
    assert score == outcome.summary["test_nll"]
    (tmp_path / "run" / "checkpoint.pt").unlink()
    with pytest.raises(InputError, match=r"checkpoint.pt is missing"):
        restore(tmp_path / "run", data)


def test_grapes_modulates_spiking_layers(data):
    outcomes = {
        mode: run_experiment(
            config(RATES, training={**RATES["training"], "grapes": {"mode": mode}})
        ).summary
        for mode in ("none", "propagating", "lr_matched")
    }
    assert outcomes["propagating"]["grapes_transient_numbers"] == 12
    losses = {summary["train_loss"] for summary in outcomes.values()}
    assert len(losses) == 3


ROWS = {
    "name": "rows",
    "data": {
        "name": "digits",
        "batch_size": 16,
        "train_samples": 150,
        "test_samples": 50,
        "sequence": "rows",
    },
    "network": {"kind": "lstm", "hidden": (12,)},
    "training": {
        "epochs": 2,
        "optimizer": {"name": "adam", "lr": 0.01},
        "grapes": {"mode": "propagating"},
    },
    "evaluation": {"times_s": (25.0,), "repeats": 1},
}
PROGRAMMED = {"tile": "digital", "statistics": {"preset": "pcm_nandakumar2019"}}
HARDWARE_AWARE = {"tile": "aihwkit", "preset": "StandardHWATrainingPreset"}
IN_PLACE = {
    "tile": "pcm",
    "device": {"model": "nandakumar2018"},
    "array": {"weight_range": 0.5},
    "update": {"kind": "accumulated"},
}


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("hardware", [PROGRAMMED, HARDWARE_AWARE, IN_PLACE])
def test_recurrent_networks_run_on_devices(kind, hardware):
    gates = {"rnn": 1, "lstm": 4, "gru": 3}[kind]
    chosen = config(ROWS, network={"kind": kind}, hardware=hardware, training={"epochs": 1})
    summary = run_experiment(chosen).summary
    assert summary["pcm_devices"] == 2 * (gates * 12 * (8 + 12) + 12 * 10)
    assert summary["grapes_transient_numbers"] == 12
    assert len(summary["drift"]) == 2
    assert summary["read_energy_pJ_per_step"]["typical"] > 0.0


def test_on_devices_the_same_lstm_is_trained_as_on_digital_weights():
    digital = run_experiment(config(ROWS, evaluation={"times_s": None})).summary
    programmed = run_experiment(config(ROWS, hardware=PROGRAMMED)).summary
    assert programmed["train_loss"] == pytest.approx(digital["train_loss"], rel=1e-4)
    energies = [run["read_energy_pJ_per_step"]["typical"] for run in (digital, programmed)]
    assert energies[0] == pytest.approx(energies[1], rel=0.01)


@pytest.mark.parametrize("grapes", [{"mode": "propagating"}, {"mode": "local"}])
def test_a_stopped_lstm_on_devices_goes_on_to_the_same_bytes(grapes, data, tmp_path):
    chosen = config(
        MUSIC,
        network={"kind": "lstm"},
        hardware=IN_PLACE,
        training={"epochs": 2, "grapes": grapes},
        evaluation={"times_s": (25.0,), "repeats": 1},
    )
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    outcome = run_experiment(chosen, data_dir=data, out_dir=whole)
    assert outcome.metrics[-1]["train_loss"] < outcome.metrics[0]["train_loss"]
    with pytest.raises(Interrupted):
        run_experiment(chosen, data_dir=data, out_dir=parts, listener=StopAfter(3))
    run_experiment(chosen, data_dir=data, out_dir=parts, resume=True)
    for name in ("summary.json", "metrics.jsonl"):
        assert (whole / name).read_bytes() == (parts / name).read_bytes()


@pytest.mark.parametrize("network", [{"kind": "ssnu", "recurrent": True}, {"kind": "gru"}])
def test_rows_are_learned(network):
    training = {"epochs": 6, "optimizer": {"name": "adam", "lr": 0.02}}
    data = {"train_samples": 600, "test_samples": 100}
    values = {**ROWS, "network": {**network, "hidden": (24,)}}
    chosen = config(values, data=data, training=training, evaluation={"times_s": None})
    assert run_experiment(chosen).summary["test_accuracy"] > 0.6
