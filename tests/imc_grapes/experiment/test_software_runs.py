"""Runs whose weights are trained in software, with the array in the forward pass, and programmed at the end."""

import pytest
import torch
from made_up_data import write_music, write_text
from stop_after import StopAfter

import imc_grapes.experiment.run as run_module
import imc_grapes.training.loop as loop_module
from imc_grapes import (
    InputError,
    PCMConfig,
    RunConfig,
    evaluate_drift,
    footprint,
    run_experiment,
    to_crossbar,
)
from imc_grapes.config import parse_run_config
from imc_grapes.config.yaml_file import dump_yaml, parse_yaml
from imc_grapes.data.dataset import Dataset, Split
from imc_grapes.data.load import load_dataset
from imc_grapes.experiment import Interrupted
from imc_grapes.experiment.restore import restore
from imc_grapes.objectives.image_classification import accuracy

YEAR_S = 31536000.0
EIGHT_BITS = {
    "dac_bits": 8,
    "adc_bits": 8,
    "inp_range": "calibrated",
    "out_range": "calibrated",
}
HWA = {
    "tile": "pcm",
    "update": {"kind": "software", "noise": {"kind": "gaussian"}, "clip": {"sigmas": 2.0}},
    "array": {"rows": 24, "columns": 8, "scale": "column"},
    "io": EIGHT_BITS,
}
PLAIN = {"tile": "pcm", "update": {"kind": "software"}, "io": {"perfect": True}}


def software_run(hardware=HWA, **sections):
    values = {
        "name": "in software",
        "data": {"name": "digits", "batch_size": 16, "train_samples": 110, "test_samples": 40},
        "network": {"kind": "cnn", "channels": (4,), "hidden": (8,), "batch_norm": True},
        "hardware": hardware,
        "training": {"epochs": 2, "optimizer": {"name": "adam", "lr": 0.01}},
        "evaluation": {"times_s": (25.0, YEAR_S), "repeats": 2},
    }
    return RunConfig.model_validate(values | sections)


def files(folder):
    return [(folder / name).read_bytes() for name in ("summary.json", "metrics.jsonl")]


@pytest.mark.parametrize("transport", ["bp", "fa", "dfa"])
def test_on_perfect_arrays_a_training_is_that_of_digital_weights(transport):
    """Nothing of the array is left, so that every loss and score is the same to the last bit."""
    training = {
        "epochs": 2,
        "optimizer": {"name": "momentum", "lr": 0.05},
        "error_transport": transport,
        "grapes": {"mode": "propagating"},
    }
    metrics = [
        run_experiment(software_run(hardware, training=training)).metrics
        for hardware in (PLAIN, {"tile": "digital"})
    ]
    assert metrics[0] == metrics[1]


@pytest.mark.parametrize(
    "noise", [{"kind": "gaussian"}, {"kind": "programming"}], ids=["gaussian", "programming"]
)
def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(tmp_path, noise):
    hardware = {**HWA, "update": {**HWA["update"], "noise": noise}}
    config = software_run(
        hardware,
        training={
            "epochs": 3,
            "keep": "best",
            "optimizer": {"name": "adam", "lr": 0.01},
            "grapes": {
                "mode": "propagating",
                "readout": {"kind": "column_current", "adc_bits": 8},
            },
        },
        evaluation={"times_s": (25.0,), "repeats": 1, "batch_norm": "recalibrated"},
    )
    for whole in ("whole", "again"):
        run_experiment(config, out_dir=tmp_path / whole)
    for number, stop in enumerate((3, 4, 7)):
        with pytest.raises(Interrupted):
            run_experiment(
                config,
                out_dir=tmp_path / "parts",
                resume=number > 0,
                listener=StopAfter(stop),
            )
    run_experiment(config, out_dir=tmp_path / "parts", resume=True)
    assert files(tmp_path / "whole") == files(tmp_path / "again") == files(tmp_path / "parts")


def numbered(numbers):
    images = torch.tensor(numbers, dtype=torch.float32)[:, None, None, None].expand(-1, 1, 8, 8)
    return Split(images.clone() / 600.0, torch.tensor(numbers) % 10)


def test_ranges_are_calibrated_on_training_images_alone_before_and_after_every_epoch(monkeypatch):
    drawn = torch.randperm(600, generator=torch.Generator().manual_seed(1)).tolist()
    parts = {"train": drawn[:300], "validation": drawn[300:400], "test": drawn[400:]}
    dataset = Dataset("numbered", 10, **{name: numbered(part) for name, part in parts.items()})
    monkeypatch.setattr(run_module, "load_dataset", lambda *_: dataset)
    seen = []
    before = loop_module.calibrate

    def recorded(model, batches):
        seen.append([round(600 * float(image[0, 0, 0])) for batch in batches for image in batch])
        return before(model, batches)

    monkeypatch.setattr(loop_module, "calibrate", recorded)
    run_experiment(
        software_run(evaluation={"times_s": (25.0,), "repeats": 1, "calibration_samples": 40})
    )
    assert seen == 3 * [parts["train"][:40]]


def test_weights_are_bounded_after_every_update(monkeypatch):
    shares = []
    before = loop_module.clip_weights

    def recorded(model):
        before(model)
        weight = model.get_submodule("0").weight
        shares.append(float(weight.detach().abs().max() / weight.detach().std(correction=0)))

    monkeypatch.setattr(loop_module, "clip_weights", recorded)
    hardware = {**HWA, "update": {"kind": "software", "clip": {"sigmas": 1.0}}}
    run_experiment(software_run(hardware))
    assert len(shares) == 2 * 7
    # A bound of one standard deviation of what was there before; of what is left, it is somewhat more than that.
    assert max(shares) < 1.6


def test_the_scores_over_time_are_those_of_the_verb(tmp_path):
    config = software_run(
        evaluation={
            "times_s": (25.0, YEAR_S),
            "repeats": 2,
            "drift_compensation": ("none", "global", "column"),
            "batch_norm": "recalibrated",
        }
    )
    outcome = run_experiment(config, out_dir=tmp_path)
    finished = restore(tmp_path)
    dataset = load_dataset(config.data, config.seed)
    again = evaluate_drift(
        finished.trainer.model,
        lambda model: accuracy(model, dataset.test),
        times_s=(25.0, YEAR_S),
        repeats=2,
        compensation=("none", "global", "column"),
        calibration=[dataset.train.images],
        seed=config.seed,
    )
    means = again.summary().set_index(["time_s", "compensation"])["mean"]
    assert len(means) == len(outcome.result.drift) == 6
    for point in outcome.result.drift:
        assert point.mean == pytest.approx(means[point.time_s, point.compensation])
    with torch.no_grad():
        assert outcome.result.score == accuracy(finished.trainer.model, dataset.test)


def test_what_a_summary_says_of_arrays_that_are_programmed_once():
    hardware = {**HWA, "array": {"rows": 24, "columns": 8, "devices_per_polarity": 2}}
    summary = run_experiment(software_run(hardware)).summary
    weights = 4 * 9 + 8 * 64 + 10 * 8
    assert summary["hardware"] == "pcm, trained in software, pcm_nandakumar2019"
    assert summary["pcm_devices"] == 2 * 2 * weights
    assert summary["missed_writes"] is None
    assert summary["feedback_devices"] is None
    assert summary["reproducible"] is True
    assert summary["no_drift_why"] is None


@pytest.mark.parametrize("kind", ["snu", "lstm"])
def test_networks_over_time_are_trained_and_programmed(tmp_path, kind):
    write_music(tmp_path)
    config = RunConfig.model_validate(
        {
            "name": "music",
            "data": {"name": "jsb", "batch_size": 4},
            "network": {"kind": kind, "hidden": (6,)},
            "hardware": HWA,
            "training": {"epochs": 1},
            "evaluation": {"times_s": (25.0,), "repeats": 1, "calibration_samples": 5},
        }
    )
    summary = run_experiment(config, data_dir=tmp_path).summary
    assert [point["compensation"] for point in summary["drift"]] == ["global", "none"]
    assert all(point["mean"] > 0 for point in summary["drift"])
    assert summary["read_energy_pJ_per_step"]["typical"] > 0


def test_words_are_calibrated_on_windows_of_the_text(tmp_path):
    write_text(tmp_path)
    config = RunConfig.model_validate(
        {
            "name": "words",
            "data": {"name": "ptb", "batch_size": 4},
            "network": {"kind": "rnn", "hidden": (6,), "embedding": 4},
            "hardware": HWA,
            "training": {"epochs": 1},
            "evaluation": {"times_s": (25.0,), "repeats": 1, "calibration_samples": 200},
        }
    )
    assert run_experiment(config, data_dir=tmp_path).result.score > 0


SOFTWARE = "tile: pcm, update: {kind: software}"


@pytest.mark.parametrize(
    ("hardware", "more", "message"),
    [
        (f"{SOFTWARE}, device: {{model: linear}}", "", "hardware.device: is of training in place"),
        (f"{SOFTWARE}, read: {{noise: true}}", "", "hardware.read: is of training in place"),
        (
            f"{SOFTWARE}, faults: {{stuck_reset: 0.1}}",
            "",
            "hardware.faults: .*hardware.statistics.faults",
        ),
        (f"{SOFTWARE}, array: {{weight_range: 2}}", "", "weight_range: .*array.scale"),
        ("tile: pcm, wires: {row_ohm: 1, column_ohm: 1}", "", "hardware.wires: .*pulsed"),
        ("tile: pcm, array: {scale: column}", "", "hardware.array.scale: column belongs"),
        ("tile: pcm, io: {inp_range: calibrated}", "", "hardware.io.inp_range: calibrated"),
        (
            "tile: pcm, update: {kind: accumulated}, io: {out_range: calibrated}",
            "",
            "hardware.io.out_range: .*accumulated",
        ),
        (SOFTWARE, "evaluation: {read_noise: false}", "statistics.read_noise.scale: 0"),
        (SOFTWARE, "evaluation: {calibration_samples: 9}", "calibrates no range"),
        (
            "tile: pcm, update: {kind: software, noise: {kind: gaussian}}",
            "training: {epochs: 0}",
            "hardware.update.noise: is about training",
        ),
        (
            f"{SOFTWARE}, io: {{inp_range: calibrated}}",
            "data: {tasks: {permuted: 2}}",
            "hardware.io: calibrates ranges on the samples of one task",
        ),
        (
            f"{SOFTWARE}, statistics: {{g_max_uS: 20}}",
            "",
            "hardware.statistics.g_max_uS: changes nothing",
        ),
    ],
)
def test_what_has_no_effect_is_refused(hardware, more, message):
    with pytest.raises(InputError, match=message):
        parse_run_config(parse_yaml(f"name: x\nhardware: {{{hardware}}}\n{more}\n", "x.yaml"))


def test_all_of_it_can_be_written_down_and_read_again():
    text = (
        f"name: x\nhardware: {{{SOFTWARE}, wires: {{row_ohm: 1, column_ohm: 2}}, array: {{scale: column}},\n"
        "  io: {inp_range: calibrated, percentile: 99.9}, statistics: {g_max_uS: 20}}\n"
        "evaluation: {drift_compensation: [none, column], calibration_samples: 100}\n"
    )
    config = parse_run_config(parse_yaml(text, "x.yaml"))
    values = config.model_dump(mode="json")
    assert not {"device", "read", "faults"} & set(values["hardware"])
    assert parse_run_config(parse_yaml(dump_yaml(values), "y.yaml")) == config


@pytest.mark.parametrize(
    "hardware", [PLAIN, {"tile": "digital", "statistics": {}}], ids=["software", "weights alone"]
)
@pytest.mark.parametrize("kind", ["lstm", "snu"])
def test_the_angle_of_an_update_is_measured_at_the_trained_weights(tmp_path, kind, hardware):
    """Torch's recurrent layers have other names there than on plain digital hardware, whose angle it is."""
    write_music(tmp_path)

    def angle(hardware):
        config = RunConfig.model_validate(
            {
                "name": "music",
                "data": {"name": "jsb", "batch_size": 4},
                "network": {"kind": kind, "hidden": (6, 5)},
                "hardware": hardware,
                "training": {
                    "epochs": 2,
                    "optimizer": {"name": "adam", "lr": 0.05},
                    "grapes": {"mode": "propagating"},
                },
                "evaluation": {"times_s": (25.0,), "repeats": 1},
            }
        )
        summary = run_experiment(config, data_dir=tmp_path).result
        return summary.alignment_angle_deg.modulation.whole_deg

    assert angle(hardware) == pytest.approx(angle({"tile": "digital"}), rel=1e-3)


def test_the_verb_footprint_says_that_such_updates_are_digital():
    model = to_crossbar(torch.nn.Linear(8, 4), PCMConfig(update="software"))
    with pytest.raises(InputError, match="trained in software, so that updates are computed"):
        footprint(
            model, (torch.ones(2, 8), torch.tensor([0, 1])), torch.nn.functional.cross_entropy
        )
