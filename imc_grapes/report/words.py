"""The answer of a sweep in sentences."""

from imc_grapes.data.metric import Metric
from imc_grapes.pictures.quantities import bytes_in_words
from imc_grapes.report.analysis import Analysis
from imc_grapes.report.effect_size import PairedEffect
from imc_grapes.report.statistics import CONFIDENCE, Difference, MethodResult


def answer(analysis: Analysis, on_facet: list[MethodResult]) -> list[str]:
    """What was found on one hardware: the best, how it differs from the baseline, what it keeps in memory."""
    best = analysis.metric.best(on_facet, lambda one: one.mean)
    sentences = [_best(analysis, best, len(on_facet))]
    if best.series != analysis.baseline and best.against_baseline:
        sentences.append(_against(analysis, best.against_baseline))
    sentences += _verdicts(analysis, on_facet)
    if analysis.compares == "method":
        sentences += _leanest(analysis.metric, best, on_facet)
    return sentences


def _best(analysis: Analysis, best: MethodResult, count: int) -> str:
    metric, when = analysis.metric, analysis.headline_words
    score = f"{metric.found(best.mean, best.std)} {when}"
    if count == 1:
        return f"{best.series or 'The network'} {score}."
    return f"{best.series} {score}, {metric.lead} of the {count} {analysis.compares}s."


def _against(analysis: Analysis, difference: Difference) -> str:
    metric, effect = analysis.metric, difference.effect
    test = (
        f"paired t-test over {effect.pairs} seeds, {CONFIDENCE:.0%} interval {metric.signed(effect.low)} to "
        f"{metric.signed(effect.high)}, Holm-corrected {p_words(difference.p_value)}"
    )
    if effect.hedges_g is not None:
        test += f"; Hedges' g {g_words(effect)}"
    side = "above" if effect.mean > 0 else "below"
    gap = f"{metric.gap(effect.mean)} {side} {analysis.baseline}"
    return f"That is {gap} ({test}): {difference.verdict_words}{_within(analysis, difference)}."


def _within(analysis: Analysis, difference: Difference) -> str:
    """Where the margin decides: the interval that it is held against."""
    if difference.verdict not in ("equivalent", "undecided"):
        return ""
    metric, within = analysis.metric, difference.equivalence
    lies = "lies" if within.is_shown else "does not lie"
    return (
        f"; the {1 - 2 * within.level:.0%} interval {metric.signed(within.low)} to {metric.signed(within.high)} "
        f"{lies} within {metric.within(analysis.margin)}"
    )


def _verdicts(analysis: Analysis, on_facet: list[MethodResult]) -> list[str]:
    """A word for every method that is compared."""
    by_verdict: dict[str, list[str]] = {}
    for one in on_facet:
        if one.against_baseline:
            interval = interval_words(analysis.metric, one.against_baseline.effect)
            of_verdict = by_verdict.setdefault(one.against_baseline.verdict_words, [])
            of_verdict.append(f"{one.series} {interval}")
    if not by_verdict:
        several = analysis.single_seed and len(on_facet) > 1
        return ["One seed each: every difference is undecided."] if several else []
    said = "; ".join(f"{verdict}: {', '.join(names)}" for verdict, names in by_verdict.items())
    return [f"Against {analysis.baseline}, {said}."]


def _leanest(metric: Metric, best: MethodResult, results: list[MethodResult]) -> list[str]:
    """How far the best method that keeps no state is behind, if the best one keeps some."""
    if best.state_bytes == 0:
        others = [one for one in results if one.state_bytes > 0]
        if not others:
            return []
        kept = ", ".join(f"{one.series} {bytes_in_words(one.state_bytes)}" for one in others)
        return [f"It keeps no state from one update to the next; {kept}."]
    sentence = f"It keeps {bytes_in_words(best.state_bytes)} from one update to the next."
    lean = [one for one in results if one.state_bytes == 0]
    if not lean:
        return [sentence]
    next_best = metric.best(lean, lambda one: one.mean)
    behind = metric.gap(best.mean - next_best.mean)
    return [
        f"{sentence} The best that keeps none is {next_best.series}, with "
        f"{metric.mean(next_best.mean, next_best.std)}, {behind} behind."
    ]


def interval_words(metric: Metric, effect: PairedEffect) -> str:
    """``+1.3 [0.2, 2.4]``: a mean difference and its confidence interval."""
    low, high = (f"{metric.shown(end):.{metric.digits}f}" for end in (effect.low, effect.high))
    return f"{metric.signed(effect.mean)} [{low}, {high}]"


def verdict_rule(analysis: Analysis) -> str:
    """How the verdicts of a table follow from its runs."""
    return (
        f"Verdict, on mean differences from {analysis.baseline} over paired seeds, with {CONFIDENCE:.0%} intervals: "
        f"equivalent where two one-sided t-tests at {1 - CONFIDENCE:.0%} put the difference within "
        f"{analysis.metric.within(analysis.margin)}; else better or worse where its Holm-corrected p is below "
        f"{1 - CONFIDENCE:.2f}; else undecided."
    )


def edge_words(results: list[MethodResult], name: str) -> list[str]:
    """Which grids are to be widened, and to which side; empty where none is."""
    sides: dict[str, list[str]] = {}
    for one in results:
        if one.tuned_edge is not None:
            side = f"{'below' if one.tuned_edge == 'lowest' else 'above'} {one.tuned:.3g}"
            taking = sides.setdefault(one.series or "all", [])
            taking += [side] if side not in taking else []
    if not sides:
        return []
    listed = "; ".join(f"{series} {' and '.join(taken)}" for series, taken in sides.items())
    return [
        f"(edge): the best {name} is the lowest or highest that was offered, so that a better one may lie beyond. "
        f"Widen the grid: {listed}."
    ]


def g_words(effect: PairedEffect) -> str:
    """``1.9 [0.5, 3.4]``: the standardised difference and its confidence interval; empty where there is none."""
    if effect.hedges_g is None:
        return ""
    return f"{effect.hedges_g:.1f} [{effect.g_low:.1f}, {effect.g_high:.1f}]"


def p_words(p_value: float) -> str:
    """``p = 0.03``, ``p < 0.001``."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"
