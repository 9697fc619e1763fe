"""What methods take beside their score: read from summaries, one picture each, and said where it is missing."""

import json

from imc_grapes.report.analysis import analyse
from imc_grapes.report.build import pictures
from imc_grapes.report.ledger import BESIDE_MEMORY, MEMORY, costs_of, trains_on_tiles
from imc_grapes.report.statistics import method_results
from imc_grapes.report.table import summary_table
from imc_grapes.store import read_sweep

BASE = """\
name: tiny
network: {kind: mlp, hidden: [8, 8]}
hardware: {tile: pcm, update: {kind: accumulated}}
"""
CASES = """\
cases:
  SGD: {}
  sign: {training.optimizer.name: sign_sgd}
  momentum: {training.optimizer.name: momentum}
seeds: 2
"""
SCORES = {"SGD": 0.9, "sign": 0.8, "momentum": 0.95}
PULSES = {"SGD": 0.01, "sign": 0.5, "momentum": 0.02}


def step_cost(energy_pJ):
    return {
        "energy_low_pJ": energy_pJ / 2,
        "energy_pJ": energy_pJ,
        "energy_high_pJ": 2 * energy_pJ,
        "own_energy_pJ": energy_pJ / 4,
        "time_ns": 1e3,
    }


def test_a_cost_is_read_by_its_path_and_in_its_unit():
    summary = {"optimizer_state_bytes": 1000, "pcm_devices": 2500, "step_cost": step_cost(3e6)}
    assert MEMORY.of(summary) == 8.0
    assert [cost.of(summary) for cost in BESIDE_MEMORY] == [2.5, 3.0, None]
    assert costs_of([summary]) == {"memory": 8.0, "devices": 2.5, "energy": 3.0}
    without = {"optimizer_state_bytes": 3000, "pcm_devices": None, "step_cost": None}
    assert costs_of([summary, without]) == {"memory": 16.0}


def report(filled, learning):
    out = filled(
        CASES,
        lambda trial: SCORES[trial.method] + 0.001 * trial.config.seed,
        base=BASE,
        learning=learning,
    )
    analysis = analyse(read_sweep(out))
    results = method_results(analysis)
    return analysis, results, {one.name: one for one in pictures(analysis, results)}


def test_what_no_summary_says_is_named(filled):
    analysis, results, drawn = report(filled, {"pcm_devices": 1000, "step_cost": step_cost(2e6)})
    assert all(one.costs["energy"] == 2.0 for one in results)
    assert {name for name in drawn if "-and-" in name} == {"accuracy-and-memory"}, (
        "all others are equal"
    )
    caption = drawn["accuracy-and-memory"].caption
    assert (
        "No picture of wear of the devices: no summary has wear.pulses_per_update_mean" in caption
    )
    assert "hardware.wear: true counts them" in caption
    assert "energy" not in caption
    assert "step (µJ)" not in summary_table(analysis, results, is_wide=True).headings


def test_each_cost_that_differs_has_its_picture_and_column(filled):
    analysis, results, _ = report(filled, {"pcm_devices": 1000})
    for one in results:
        one.costs["wear"] = PULSES[one.series]
        if one.series != "momentum":
            one.costs["energy"] = 1.0 + PULSES[one.series]
    drawn = {one.name: one for one in pictures(analysis, results)}
    assert {"accuracy-and-memory", "accuracy-and-energy", "accuracy-and-wear"} <= set(drawn)
    wear = drawn["accuracy-and-wear"]
    rows = wear.spec["data"]["values"]
    assert {row["series"] for row in rows if row["front"]} == {"SGD", "momentum"}
    assert '"type": "log"' in json.dumps(wear.spec), "1 to 50"
    energy = drawn["accuracy-and-energy"]
    assert {row["series"] for row in energy.spec["data"]["values"]} == {"SGD", "sign"}
    assert "Not here: momentum, whose summaries have no step_cost.energy_pJ" in energy.caption
    table = summary_table(analysis, results, is_wide=True)
    column = table.headings.index("pulses per device and update")
    assert [row[column] for row in table.rows] == ["0.0100", "0.5000", "0.0200"]
    assert [row[table.headings.index("step (µJ)")] for row in table.rows] == ["1.01", "1.50", "-"]
    narrow = summary_table(analysis, results)
    assert "step (µJ)" not in narrow.headings
    assert trains_on_tiles(analysis)
