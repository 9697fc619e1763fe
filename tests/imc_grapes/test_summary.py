import json

import pytest
from pydantic import ValidationError

from imc_grapes import RunConfig, run_experiment
from imc_grapes.experiment.run_folder import RunFolder
from imc_grapes.store.reader import read_sweep
from imc_grapes.store.writer import StoreWriter
from imc_grapes.summary import AlignmentAngles, Angle, DriftPoint, Summary
from imc_grapes.sweep import load_sweep
from kernels.errors import InputError

OLD = {
    "name": "old", "seed": 0, "test_nll": 8.7, "validation_nll": None, "test_nll_per_chorale": 8.6,
    "optimizer_state_bytes": 0,
    "drift": [{"time_s": 25.0, "compensation": "none", "mean": 9.0, "std": 0.1, "nll_per_chorale": 8.9}],
}  # fmt: skip
"""Without metric, hardware, versions and all that came later."""

TINY = {
    "name": "tiny",
    "data": {"train_samples": 60, "test_samples": 30},
    "network": {"kind": "mlp", "hidden": (4,)},
    "training": {"epochs": 1, "grapes": {"mode": "propagating"}},
    "hardware": {"tile": "digital", "statistics": {}},
    "evaluation": {"times_s": (25.0,), "repeats": 2},
}


def test_an_old_summary_is_read_with_defaults_and_written_as_it_was():
    summary = Summary.of(OLD)
    assert (summary.measured_by.name, summary.score, summary.validation_score) == ("nll", 8.7, None)
    assert summary.scores["test_nll_per_chorale"] == 8.6
    assert (summary.hardware, summary.missed_writes, summary.slowness) == (None, None, None)
    assert summary.drift[0].model_extra == {"nll_per_chorale": 8.9}
    assert list(summary.as_dict().items()) == list(OLD.items())


def test_a_key_of_another_version_is_kept():
    assert Summary.of({**OLD, "of_tomorrow": [1]}).as_dict()["of_tomorrow"] == [1]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([], "no JSON object"),
        ({}, "no test score"),
        ({"name": "x", "test_luck": 0.5}, "no test score"),
        ({"metric": "accuracy", "test_nll": 1.0}, "no test_accuracy"),
        ({"metric": "luck", "test_luck": 1.0}, "no test score of a known metric"),
        ({**OLD, "seed": "0"}, "seed"),
        ({**OLD, "test_nll": "8.7"}, "test_nll"),
        ({**OLD, "drift": [{"time_s": 25.0}]}, r"drift\.0\.compensation"),
    ],
)
def test_what_is_no_summary_is_one_error_that_names_the_file(tmp_path, values, says):
    path = tmp_path / "summary.json"
    path.write_text(json.dumps(values))
    with pytest.raises(InputError, match=rf"summary\.json: is no summary of a run.*{says}"):
        Summary.read(path)


def test_a_file_that_is_no_json_or_is_not_there_is_an_error(tmp_path):
    path = tmp_path / "summary.json"
    with pytest.raises(InputError, match=r"summary\.json: cannot be read"):
        Summary.read(path)
    path.write_bytes(b"\xff{")
    with pytest.raises(InputError, match=r"summary\.json: cannot be read"):
        Summary.read(path)


def test_a_run_sets_every_key_that_its_network_has_and_none_beside_the_class(tmp_path):
    outcome = run_experiment(RunConfig.model_validate(TINY), out_dir=tmp_path)
    written = outcome.result
    of_other_networks = {"task_accuracies", "average_accuracy", "forgetting", "epochs_to_target"}
    not_asked_for = {"wear"}
    assert set(Summary.model_fields) - written.model_fields_set == of_other_networks | not_asked_for
    assert not written.model_extra
    text = (tmp_path / "summary.json").read_text()
    assert text == json.dumps(outcome.summary, indent=2) + "\n"
    assert outcome.summary["test_accuracy"] == written.score
    read = RunFolder(tmp_path).find(RunConfig.model_validate(TINY), resume=False)
    assert read is not None
    assert json.dumps(read.summary) == json.dumps(outcome.summary)
    assert isinstance(read.result.drift[0], DriftPoint)


def test_a_summary_is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        Summary.of(OLD).seed = 1


def test_every_key_has_a_description():
    for model in (Summary, DriftPoint, AlignmentAngles, Angle):
        assert all(field.description for field in model.model_fields.values())


def test_a_damaged_summary_in_a_store_names_the_trial(tmp_path):
    (tmp_path / "base.yaml").write_text("name: tiny\n")
    (tmp_path / "sweep.yaml").write_text("base: base.yaml\nseeds: 1\n")
    plan = load_sweep(tmp_path / "sweep.yaml")
    with StoreWriter(tmp_path) as store:
        store.adopt(plan)
        store._connection.execute("UPDATE trials SET summary = '{}'")
    with pytest.raises(InputError, match=rf"trial {plan.trials[0].hash}: is no summary"):
        read_sweep(tmp_path)
