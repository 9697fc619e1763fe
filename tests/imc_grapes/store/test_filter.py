import pytest

from imc_grapes.store import StoreWriter, read_sweep
from imc_grapes.store.filter import matching
from kernels.errors import InputError


@pytest.fixture
def trials(tmp_path, plan, result):
    with StoreWriter(tmp_path) as store:
        store.adopt(plan())
        for trial, accuracy in zip(store.pending(), (0.7, 0.8, 0.9), strict=False):
            store.finished(trial, result(accuracy))
    return read_sweep(tmp_path).trials


@pytest.mark.parametrize(
    ("conditions", "positions"),
    [
        (["status=pending"], [3]),
        (["training.optimizer.lr > 0.1"], [1, 3]),
        (["training.optimizer.lr>=1e-1", "seed=1"], [2, 3]),
        (["test_accuracy<0.9"], [0, 1]),
        (["test_accuracy!=0.9"], [0, 1]),
        (["data.name=digits"], [0, 1, 2, 3]),
        (["data.train_samples=null"], [0, 1, 2, 3]),
        (["status=no such status"], []),
        ([], [0, 1, 2, 3]),
    ],
)
def test_trials_are_chosen_by_column_config_key_or_result(trials, conditions, positions):
    assert [trial["position"] for trial in matching(trials, conditions)] == positions


@pytest.mark.parametrize(
    ("condition", "message"),
    [("lr", "must have the form"), ("=3", "must have the form"), ("lr=3", "no trial has 'lr'")],
)
def test_a_condition_that_cannot_be_is_bad_input(trials, condition, message):
    with pytest.raises(InputError, match=message):
        matching(trials, [condition])
