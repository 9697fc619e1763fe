import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from imc_grapes.report.analysis import analyse
from imc_grapes.report.charts.score_over_time import score_over_time_picture
from imc_grapes.report.statistics import holm, method_results, score_over_time
from imc_grapes.report.table import summary_table
from imc_grapes.store import read_sweep

ACCURACIES = {
    "SGD": [0.90, 0.91, 0.93, 0.90],
    "GRAPES": [0.93, 0.94, 0.95, 0.94],
    "momentum": [0.95, 0.90, 0.91, 0.96],
    "Adam": [0.90, 0.91, 0.93, 0.90],
}


@pytest.fixture
def analysis(filled, four_methods):
    out = filled(four_methods + "seeds: 4\n", lambda t: ACCURACIES[t.method][t.config.seed])
    return analyse(read_sweep(out))


def test_means_and_spreads_are_over_seeds_at_the_last_time(analysis):
    found = {one.series: one for one in method_results(analysis)}
    for name, values in ACCURACIES.items():
        assert found[name].mean == pytest.approx(np.mean(values) - 0.02)
        assert found[name].std == pytest.approx(np.std(values, ddof=1))
    assert found["Adam"].state_bytes == 80_000


def test_differences_are_paired_by_seed_and_corrected(analysis):
    found = {one.series: one.against_baseline for one in method_results(analysis)}
    assert found["SGD"] is None
    raw = {}
    for name in ("GRAPES", "momentum"):
        test = stats.ttest_rel(ACCURACIES[name], ACCURACIES["SGD"])
        raw[name] = test.pvalue
        low, high = test.confidence_interval(0.95)
        assert (found[name].effect.low, found[name].effect.high) == pytest.approx((low, high))
    assert found["GRAPES"].p_value == pytest.approx(3 * raw["GRAPES"])
    assert found["momentum"].p_value == pytest.approx(2 * raw["momentum"])
    assert found["Adam"].p_value == 1.0, "the same accuracies on every seed"
    assert found["GRAPES"].is_shown
    assert not found["momentum"].is_shown


def test_scores_over_time_are_per_compensation(analysis):
    frame = score_over_time(analysis).set_index(["series", "compensation", "time_s"])
    first = frame.loc[("GRAPES", "global", 25.0)]
    assert first["score"] == pytest.approx(np.mean(ACCURACIES["GRAPES"]))
    assert first["std"] == pytest.approx(np.std(ACCURACIES["GRAPES"], ddof=1))
    assert frame.loc[("GRAPES", "none", 86400.0), "score"] == pytest.approx(
        np.mean(ACCURACIES["GRAPES"]) - 0.03
    )


COMPENSATED = """\
cases:
  SGD: {}
  GRAPES: {training.grapes.mode: propagating}
grid:
  evaluation.drift_compensation: %s
"""


def test_trials_without_a_compensation_in_common_are_compared_each_by_its_own(filled):
    """Of a sweep over the kinds, no trial is ranked by a score from before its drift."""
    out = filled(COMPENSATED % "[none, global]", lambda t: 0.9)
    analysis = analyse(read_sweep(out))
    means = {(one.facet, one.series): one.mean for one in method_results(analysis)}
    for method in ("SGD", "GRAPES"):
        assert means["none", method] == pytest.approx(0.9 - 0.02 - 0.02)
        assert means["global", method] == pytest.approx(0.9 - 0.02)
    assert "each with its own drift compensation" in analysis.spread_words
    rows = summary_table(analysis, method_results(analysis)).rows
    assert all("-" not in row[:4] for row in rows)
    picture = score_over_time_picture(analysis)
    assert "each with its own drift compensation" in picture.caption


@pytest.mark.parametrize(
    ("kinds", "shown", "words"),
    [
        ("[none, global, column]", "global", "with global drift compensation"),
        ("[none, column]", "column", "with drift compensation per column"),
        ("none", "none", "without drift compensation"),
    ],
)
def test_every_kind_of_compensation_has_its_words_in_a_report(filled, kinds, shown, words):
    out = filled(
        "cases:\n  SGD: {}\n  Adam: {training.optimizer.name: adam}\n",
        lambda t: 0.9,
        base="name: tiny\nhardware: {tile: digital, statistics: {preset: pcm_nandakumar2019}}\n"
        f"evaluation: {{drift_compensation: {kinds}}}\n",
    )
    analysis = analyse(read_sweep(out))
    assert analysis.compensation == shown
    assert analysis.spread_words.endswith(words)
    assert words in score_over_time_picture(analysis).caption


def test_with_one_seed_the_spread_is_that_of_programming(filled, four_methods):
    analysis = analyse(read_sweep(filled(four_methods, lambda t: 0.9)))
    assert score_over_time(analysis)["std"].tolist() == [0.005] * 24
    assert all(one.std is None and one.against_baseline is None for one in method_results(analysis))


VERDICTS = {  # difference from SGD per seed, in points: verdict at a margin of 0.5 points
    "better": [1.0, 1.2, 0.9, 1.1],
    "worse": [-1.0, -1.2, -0.9, -1.1],
    "equivalent": [0.1, -0.1, 0.2, -0.2],
    "undecided": [1.5, -1.0, 0.5, 0.8],
    "equivalent, though better": [0.2, 0.21, 0.19, 0.2],
    "equivalent, though worse": [-0.2, -0.21, -0.19, -0.2],
}


@pytest.mark.parametrize(
    ("base", "unit", "margin", "is_margin"),
    [
        ("name: tiny\n", 0.01, "", 0.5),
        ("name: tiny\ndata: {name: jsb}\nnetwork: {kind: snu}\n", -0.1, "", 0.05),
        ("name: tiny\n", 0.1, "margin: 5\n", 5.0),
    ],
    ids=["accuracy", "NLL", "a margin of its own"],
)
@pytest.mark.parametrize("words", VERDICTS)
def test_one_word_follows_from_interval_and_margin(
    filled, four_methods, words, base, unit, margin, is_margin
):
    """The rule against scipy: the 90 % interval within the margin, else a corrected p below 0.05.

    Among the others, two methods equal the baseline, so that Holm multiplies the p of the first by 3.
    """
    points = VERDICTS[words]
    out = filled(
        f"{four_methods}seeds: 4\n{margin}",
        lambda t: 0.5 + unit * points[t.config.seed] * (t.method == "GRAPES"),
        base=base,
        times_s=(),
    )
    analysis = analyse(read_sweep(out))
    assert analysis.margin == is_margin
    found = {one.series: one.against_baseline for one in method_results(analysis)}["GRAPES"]
    low, high = stats.ttest_1samp(points, 0.0).confidence_interval(0.9)
    is_shown = 3 * stats.ttest_1samp(points, 0.0).pvalue < 0.05
    within = low > -0.5 and high < 0.5
    assert found.verdict_words == words
    assert found.verdict == words.split(",")[0]
    assert found.equivalence.is_shown == within == words.startswith("equivalent")
    assert found.is_shown == is_shown == (words not in ("equivalent", "undecided"))
    assert found.effect.mean == pytest.approx(unit * np.mean(points))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_monotone_and_between_none_and_bonferroni(p_values):
    corrected = holm(p_values)
    order = np.argsort(p_values, kind="stable")
    assert np.all(np.diff(np.array(corrected)[order]) >= 0)
    for raw, found in zip(p_values, corrected, strict=True):
        assert raw <= found <= min(1.0, len(p_values) * raw)


def test_holm_gives_the_values_of_a_textbook():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
