"""What pictures say where a lower score is better."""

import json

import pytest

from imc_grapes.report.analysis import analyse
from imc_grapes.report.build import pictures
from imc_grapes.report.statistics import method_results
from imc_grapes.store import read_sweep

CHORALES = """\
name: tiny
data: {name: jsb}
network: {kind: snu}
hardware: {tile: digital, statistics: {preset: pcm_nandakumar2019}}
"""
SWEEP = """\
grid: {evaluation.repeats: [2, 4], data.batch_size: [8, 16]}
tune: {training.optimizer.lr: [0.1, 0.2]}
seeds: 2
"""


@pytest.fixture
def drawn(filled, four_methods):
    lower = {"Adam": 0.4, "momentum": 0.5, "GRAPES": 0.1}
    out = filled(
        four_methods + SWEEP,
        lambda t: 9.0 - lower.get(t.method, 0.0) + 0.1 * t.tuned + 0.01 * t.config.seed,
        base=CHORALES,
    )
    analysis = analyse(read_sweep(out))
    return {one.name: one for one in pictures(analysis, method_results(analysis))}


def test_every_picture_is_about_the_likelihood(drawn):
    assert list(drawn) == [
        "nll-over-time", "heat-map", "update-memory", "nll-and-memory", "tuning", "learning-curves",
    ]  # fmt: skip
    for name, one in drawn.items():
        said = json.dumps([one.title, one.caption, one.spec])
        assert "accuracy" not in said.lower(), name
        assert name == "update-memory" or "NLL" in said, name
    assert '"test NLL (nats per time step)"' in json.dumps(drawn["nll-over-time"].spec)


def test_scores_are_not_in_percent(drawn):
    rows = drawn["nll-over-time"].spec["data"]["values"]
    assert all(8.0 < row["low"] < row["score"] < row["high"] < 9.2 for row in rows)


def test_low_is_bright_and_in_front(drawn):
    assert '"reverse": true' in json.dumps(drawn["heat-map"].spec)
    assert "datum.score <" in json.dumps(drawn["heat-map"].spec)
    memory = drawn["nll-and-memory"]
    assert memory.caption.startswith("Lower left is best")
    front = {row["series"] for row in memory.spec["data"]["values"] if row["front"]}
    assert front == {"GRAPES", "momentum"}, (
        "Adam keeps more and has more; SGD keeps as little and has more"
    )


def test_the_lowest_validation_score_is_ringed(drawn):
    rows = drawn["tuning"].spec["data"]["values"]
    assert {row["tuned"] for row in rows if row["chosen"]} == {0.1}


@pytest.mark.parametrize("values", ["[null, 0.5, 0.9]", "{none: null, half: 0.5, most: 0.9}"])
def test_numbers_and_words_stand_on_one_axis_of_a_map(filled, values):
    out = filled(
        f"grid: {{evaluation.target_accuracy: {values}, data.batch_size: [8, 16]}}\nseeds: 2\n",
        lambda t: 0.9,
    )
    analysis = analyse(read_sweep(out))
    drawn = {one.name: one for one in pictures(analysis, method_results(analysis))}
    word = "none" if "none" in values else "null"
    rows = drawn["heat-map"].spec["data"]["values"]
    assert {(row["x"], row["y"]) for row in rows} == {
        (target, batch) for target in (word, "0.5", "0.9") for batch in (8, 16)
    }
    assert json.dumps([word, "0.5", "0.9"]) in json.dumps(drawn["heat-map"].spec)
