"""The answer of a sweep in sentences."""

from imc_grapes.report.analysis import Analysis
from imc_grapes.report.statistics import CONFIDENCE, Difference, Standing
from imc_grapes.words import bytes_in_words


def percent(fraction: float, digits: int = 1) -> str:
    """A fraction as a number of percent, without the sign."""
    return f"{100 * fraction:.{digits}f}"


def with_spread(mean: float, std: float | None) -> str:
    """``96.1 ± 0.4``, in percent."""
    return percent(mean) if std is None else f"{percent(mean)} ± {percent(std)}"


def answer(analysis: Analysis, on_facet: list[Standing]) -> list[str]:
    """What was found on one hardware: the best, how it differs from the baseline, what it keeps in memory."""
    best = max(on_facet, key=lambda one: one.mean)
    sentences = [_best(analysis, best, len(on_facet))]
    if best.series != analysis.baseline and best.against_baseline:
        sentences.append(_against(analysis, best.against_baseline))
    if analysis.compares == "method":
        sentences += _leanest(analysis, best, on_facet)
    return sentences


def _best(analysis: Analysis, best: Standing, count: int) -> str:
    accuracy = f"{with_spread(best.mean, best.std)} % of the test images"
    when = analysis.headline_words
    if count == 1:
        return f"{best.series or 'The network'} gets {accuracy} right {when}."
    return (
        f"{best.series} gets {accuracy} right {when}, the most of the {count} {analysis.compares}s."
    )


def _against(analysis: Analysis, difference: Difference) -> str:
    low, high = 100 * difference.low, 100 * difference.high
    test = (
        f"paired t-test over {difference.pairs} seeds, "
        f"{CONFIDENCE:.0%} interval {low:+.1f} to {high:+.1f}, Holm-corrected {p_words(difference.p_value)}"
    )
    side = "above" if difference.mean > 0 else "below"
    gap = f"{percent(abs(difference.mean))} points {side} {analysis.baseline}"
    return f"That is {gap} ({test})" + ("." if difference.is_clear else ": no difference is shown.")


def _leanest(analysis: Analysis, best: Standing, found: list[Standing]) -> list[str]:
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
    next_best = max(lean, key=lambda one: one.mean)
    behind = percent(best.mean - next_best.mean)
    return [
        f"{sentence} The best that keeps none is {next_best.series}, with "
        f"{with_spread(next_best.mean, next_best.std)} %, {behind} points behind."
    ]


def p_words(p_value: float) -> str:
    """``p = 0.03``, ``p < 0.001``."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"
