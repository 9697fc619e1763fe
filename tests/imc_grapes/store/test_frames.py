import pytest

from imc_grapes import load_results
from imc_grapes.store import StoreWriter


@pytest.fixture
def filled(tmp_path, plan, result):
    with StoreWriter(tmp_path) as store:
        store.adopt(plan())
        first, second, third, _ = store.pending()
        store.finished(first, result(0.8))
        store.finished(second, result(0.9))
        store.finished(third, result(error="no luck"))
    return tmp_path


def test_a_row_per_trial(filled):
    frame = load_results(filled)
    assert frame["status"].tolist() == ["done", "done", "failed", "pending"]
    assert frame["training.optimizer.lr"].tolist() == [0.1, 0.2, 0.1, 0.2]
    assert frame["seed"].tolist() == [0, 0, 1, 1]
    assert frame["test_accuracy"].dropna().tolist() == [0.8, 0.9]
    assert frame["error"].dropna().tolist() == ["no luck"]
    assert frame["trial"].is_unique


def test_a_row_per_time_and_per_epoch(filled):
    drift = load_results(str(filled), "drift")
    assert drift[["tuned", "time_s", "mean"]].values.tolist() == [
        [0.1, 25.0, 0.8], [0.1, 86400.0, pytest.approx(0.79)], [0.2, 25.0, 0.9], [0.2, 86400.0, pytest.approx(0.89)],
    ]  # fmt: skip
    assert load_results(filled, "epochs")["validation_accuracy"].tolist() == [0.8, 0.9]


def test_a_row_per_pair_of_tasks_and_no_lists_in_a_row_per_epoch(tmp_path, plan, result):
    found = result(0.8, task_accuracies=[[0.9, 0.1], [0.7, 0.8]])
    found.metrics[0]["test_accuracy_by_task"] = [0.9, 0.1]
    with StoreWriter(tmp_path) as store:
        store.adopt(plan())
        store.finished(store.pending()[0], found)
    frame = load_results(tmp_path, "tasks")
    assert frame[["after_task", "task", "accuracy"]].values.tolist() == [
        [1, 1, 0.9], [1, 2, 0.1], [2, 1, 0.7], [2, 2, 0.8],
    ]  # fmt: skip
    assert "test_accuracy_by_task" not in load_results(tmp_path, "epochs")
