"""The answer of a sweep in sentences."""

from imc_grapes.measures.effect_size import PairedEffect
from imc_grapes.metric import Metric
from imc_grapes.report.analysis import Analysis
from imc_grapes.report.statistics import CONFIDENCE, Difference, Standing
from imc_grapes.words import bytes_in_words


def answer(analysis: Analysis, on_facet: list[Standing]) -> list[str]:
    """What was found on one hardware: the best, how it differs from the baseline, what it keeps in memory."""
    best = analysis.metric.best(on_facet, lambda one: one.mean)
    sentences = [_best(analysis, best, len(on_facet))]
    if best.series != analysis.baseline and best.against_baseline:
        sentences.append(_against(analysis, best.against_baseline))
    if analysis.compares == "method":
        sentences += _leanest(analysis.metric, best, on_facet)
    return sentences


def _best(analysis: Analysis, best: Standing, count: int) -> str:
    metric, when = analysis.metric, analysis.headline_words
    found = f"{metric.found(best.mean, best.std)} {when}"
    if count == 1:
        return f"{best.series or 'The network'} {found}."
    return f"{best.series} {found}, {metric.lead} of the {count} {analysis.compares}s."


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
    return f"That is {gap} ({test})" + ("." if difference.is_clear else ": no difference is shown.")


def _leanest(metric: Metric, best: Standing, found: list[Standing]) -> list[str]:
    """How far the best method that keeps no state is behind, if the best one keeps some."""
    if best.state_bytes == 0:
        others = [one for one in found if one.state_bytes > 0]
        if not others:
            return []
        kept = ", ".join(f"{one.series} {bytes_in_words(one.state_bytes)}" for one in others)
        return [f"It keeps no state from one update to the next; {kept}."]
    sentence = f"It keeps {bytes_in_words(best.state_bytes)} from one update to the next."
    lean = [one for one in found if one.state_bytes == 0]
    if not lean:
        return [sentence]
    next_best = metric.best(lean, lambda one: one.mean)
    behind = metric.gap(best.mean - next_best.mean)
    return [
        f"{sentence} The best that keeps none is {next_best.series}, with "
        f"{metric.mean(next_best.mean, next_best.std)}, {behind} behind."
    ]


def g_words(effect: PairedEffect) -> str:
    """``1.9 [0.5, 3.4]``: the standardised difference and its confidence interval; empty where there is none."""
    if effect.hedges_g is None:
        return ""
    return f"{effect.hedges_g:.1f} [{effect.g_low:.1f}, {effect.g_high:.1f}]"


def p_words(p_value: float) -> str:
    """``p = 0.03``, ``p < 0.001``."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"
