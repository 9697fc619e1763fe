"""A run whose config names a file is a run with that file's content."""

import pytest

from imc_grapes import InputError, RunConfig, run_experiment
from imc_grapes.experiment import Interrupted, Listener
from imc_grapes.experiment.restore import restore

TABLE = "g_target_uS,mean_uS,std_uS\n0,0.5,0.2\n25,24,{std}\n"


@pytest.fixture
def table(tmp_path):
    file = tmp_path / "table.csv"
    file.write_text(TABLE.format(std=0.5))
    return file


def config(table):
    return RunConfig.model_validate(
        {
            "name": "measured",
            "data": {"name": "digits", "batch_size": 16, "train_samples": 600, "test_samples": 200},
            "network": {"kind": "mlp", "hidden": (9,)},
            "training": {"epochs": 3},
            "hardware": {"tile": "digital", "statistics": {"table": table}},
            "evaluation": {"times_s": (25.0,), "repeats": 2},
        }
    )


class StopsAfterAnEpoch(Listener):
    stop = False

    def epoch(self, metrics):
        self.stop = True

    def stop_requested(self):
        return self.stop


def test_a_changed_file_is_named_and_the_finished_run_is_not_given_for_it(table, tmp_path):
    first = run_experiment(config(table), out_dir=tmp_path / "run")
    assert run_experiment(config(table), out_dir=tmp_path / "run") == first
    table.write_text(TABLE.format(std=8))
    with pytest.raises(
        InputError, match=r"holds a run of other files:\n  .*table.csv: content \w+ -> \w+\n"
    ):
        run_experiment(config(table), out_dir=tmp_path / "run")
    with pytest.raises(InputError, match=r"table.csv: content"):
        restore(tmp_path / "run")
    other = run_experiment(config(table), out_dir=tmp_path / "other")
    assert other.summary["drift"][0]["mean"] < first.summary["drift"][0]["mean"] - 0.05
    assert other.summary["config_hash"] != first.summary["config_hash"]


def test_an_unfinished_run_does_not_go_on_with_another_file(table, tmp_path):
    with pytest.raises(Interrupted):
        run_experiment(config(table), out_dir=tmp_path / "run", listener=StopsAfterAnEpoch())
    table.write_text(TABLE.format(std=8))
    with pytest.raises(InputError, match=r"table.csv: content"):
        run_experiment(config(table), out_dir=tmp_path / "run", resume=True)
    table.write_text(TABLE.format(std=0.5))
    outcome = run_experiment(config(table), out_dir=tmp_path / "run", resume=True)
    assert outcome.summary == run_experiment(config(table)).summary


def test_a_file_that_changes_while_the_run_goes_on_is_refused(table, tmp_path):
    class Changes(Listener):
        def epoch(self, metrics):
            table.write_text(TABLE.format(std=8))

    with pytest.raises(InputError, match=r"changed while the run was going on: .*table.csv"):
        run_experiment(config(table), out_dir=tmp_path / "run", listener=Changes())
    assert not (tmp_path / "run" / "summary.json").exists()
