"""Batch normalisation of a run that is measured again on drifted devices."""

import pytest
import torch

import imc_grapes.experiment.run as run_module
from imc_grapes import InputError, RunConfig, evaluate_drift, run_experiment
from imc_grapes.data.dataset import Dataset, Split
from imc_grapes.data.load import load_dataset
from imc_grapes.experiment.calibration import calibration_batches
from imc_grapes.experiment.restore import restore
from imc_grapes.objectives.image_classification import accuracy

YEAR_S = 31536000.0
PROGRAMMED = {"tile": "digital", "statistics": {"preset": "pcm_nandakumar2019"}}


def cnn_run(hardware=PROGRAMMED, **evaluation):
    return RunConfig.model_validate(
        {
            "name": "normalised",
            "data": {"name": "digits", "train_samples": 300, "test_samples": 100},
            "network": {"kind": "cnn", "channels": (4,), "hidden": (8,), "batch_norm": True},
            "hardware": hardware,
            "training": {"epochs": 1},
            "evaluation": {"times_s": (25.0, YEAR_S), "repeats": 2, **evaluation},
        }
    )


def numbered(numbers):
    """Images that all differ: every pixel holds the number of the image."""
    images = torch.tensor(numbers, dtype=torch.float32)[:, None, None, None].expand(-1, 1, 8, 8)
    return Split(images.clone(), torch.tensor(numbers) % 10)


def numbers_in(batches):
    return torch.cat(list(batches))[:, 0, 0, 0].int().tolist()


@pytest.mark.parametrize(("samples", "sizes"), [(2, [2]), (256, [256]), (257, [129, 128])])
def test_calibration_takes_the_first_training_images_in_even_batches(samples, sizes):
    train = numbered(range(400))
    dataset = Dataset("numbered", 10, train, numbered([]), numbered(range(900, 910)))
    batches = calibration_batches(dataset, samples)
    assert [len(batch) for batch in batches] == sizes
    assert numbers_in(batches) == list(range(samples))
    assert numbers_in(calibration_batches(dataset, 1000)) == list(range(400))


def test_a_run_never_calibrates_on_images_for_validation_or_test(monkeypatch):
    """Whatever a batch normalisation measures, it is in training images."""
    drawn = torch.randperm(600, generator=torch.Generator().manual_seed(1)).tolist()
    parts = {"train": drawn[:300], "validation": drawn[300:400], "test": drawn[400:]}
    dataset = Dataset("numbered", 10, **{name: numbered(part) for name, part in parts.items()})
    monkeypatch.setattr(run_module, "load_dataset", lambda *_: dataset)
    seen = []
    before = run_module.recalibrated

    def recorded(model, batches):
        seen.extend(numbers_in(batches))
        return before(model, batches)

    monkeypatch.setattr(run_module, "recalibrated", recorded)
    run_experiment(cnn_run(batch_norm="recalibrated", calibration_samples=40))
    assert set(seen) == set(parts["train"][:40])
    assert len(seen) == 40 * 2 * 2 * 2, "per repeat, time and compensation"


def test_the_scores_are_those_of_the_verb_with_the_same_images(tmp_path):
    config = cnn_run(batch_norm="recalibrated", calibration_samples=64)
    points = run_experiment(config, out_dir=tmp_path).result.drift
    finished = restore(tmp_path)
    dataset = load_dataset(config.data, config.seed)
    images = dataset.train.images[:64]

    def scores(calibration):
        result = evaluate_drift(
            finished.trainer.model,
            lambda model: accuracy(model, dataset.test),
            statistics="pcm_nandakumar2019",
            times_s=(25.0, YEAR_S),
            repeats=2,
            calibration=calibration,
            seed=config.seed,
        )
        return result.summary().set_index(["time_s", "compensation"])["mean"]

    again = scores([images])
    for point in points:
        assert point.mean == pytest.approx(again[point.time_s, point.compensation])
    assert not again.equals(scores(None))
    fixed = run_experiment(cnn_run()).result.drift
    assert [point.mean for point in fixed] != [point.mean for point in points]


@pytest.mark.parametrize(
    "hardware",
    [
        {"tile": "aihwkit", "preset": "StandardHWATrainingPreset"},
        {"tile": "pcm", "io": {"perfect": True}},
    ],
    ids=["aihwkit", "pcm"],
)
def test_tiles_are_recalibrated_too(hardware, monkeypatch):
    norms = []
    before = run_module.recalibrated

    def recorded(model, batches):
        norms.append(next(m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)))
        return before(model, batches)

    monkeypatch.setattr(run_module, "recalibrated", recorded)
    outcome = run_experiment(
        cnn_run(hardware, batch_norm="recalibrated", drift_compensation="none", repeats=1)
    )
    assert len(norms) == 2
    assert all(0.0 <= point.mean <= 1.0 for point in outcome.result.drift)


def test_a_network_without_batch_normalisation_is_refused_before_the_training():
    config = cnn_run(batch_norm="recalibrated")
    network = config.network.model_copy(update={"batch_norm": False})
    with pytest.raises(InputError, match=r"evaluation\.batch_norm: .*network\.batch_norm: true"):
        run_experiment(config.model_copy(update={"network": network}))


def test_more_calibration_samples_than_there_are_are_refused():
    with pytest.raises(InputError, match=r"calibration_samples: 500 is more than the 270 training"):
        run_experiment(cnn_run(batch_norm="recalibrated", calibration_samples=500))
