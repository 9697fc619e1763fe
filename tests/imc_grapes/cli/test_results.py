import pytest

from imc_grapes.cli.results import _cells
from imc_grapes.store.reader import StoredSweep
from imc_grapes.summary import Summary


@pytest.mark.parametrize(
    ("data", "summary", "heading", "text"),
    [
        ("digits", {"test_accuracy": 0.97312}, "test (%)", "97.31"),
        ("jsb", {"test_nll": 8.70512}, "test (nats)", "8.705"),
        ("ptb", {"test_perplexity": 110.404}, "test (perplexity)", "110.40"),
        ("jsb", None, "test (nats)", ""),
    ],
)
def test_the_score_stands_under_its_unit(data, summary, heading, text):
    trial = {
        "hash": "a1", "method": "SGD", "setting": "", "tuned": 0.1, "seed": 0, "status": "done", "seconds": None,
        "config": {"data": {"name": data}}, "summary": summary and Summary.of(summary),
    }  # fmt: skip
    sweep = StoredSweep(
        "x", None, "", {"data": {"name": data}}, [], None, "SGD", margin=None, trials=[trial]
    )
    assert _cells(trial, sweep.metric)[heading] == text
