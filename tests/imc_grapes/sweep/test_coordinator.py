from imc_grapes.store.records import TrialResult
from imc_grapes.summary import Summary
from imc_grapes.sweep.coordinator import _of_the_trial


def test_what_came_of_another_config_is_no_result_of_the_trial():
    summary = Summary.of({"config_hash": "a1", "test_accuracy": 0.9})
    result = TrialResult("t0", "t1", 1.0, "here", {}, summary, [], {})
    assert _of_the_trial("a1", result) == result
    other = _of_the_trial("b2", result)
    assert other.summary is None
    assert "changed after the sweep began" in other.error
