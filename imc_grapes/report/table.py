"""The one table that a sweep comes down to: a row per method, on each hardware."""

from dataclasses import dataclass

from imc_grapes.pictures.quantities import bytes_in_words, time_in_words
from imc_grapes.report.analysis import Analysis
from imc_grapes.report.learning_columns import LEARNING_COLUMNS
from imc_grapes.report.ledger import BESIDE_MEMORY, Cost
from imc_grapes.report.statistics import MethodResult, score_over_time
from imc_grapes.report.words import edge_words, g_words, interval_words, p_words, verdict_rule

_MOST_TIMES = 3


@dataclass(frozen=True)
class Table:
    """Headings and rows of text; `best` tells the rows that lead on their hardware."""

    headings: list[str]
    rows: list[list[str]]
    best: list[bool]
    facet_starts: list[str | None]
    """Per row: the name of the hardware that begins there, where there are several."""
    notes: list[str]
    """What the reader has to know of the cells, in sentences."""


def summary_table(
    analysis: Analysis, results: list[MethodResult], *, is_wide: bool = False
) -> Table:
    """The table of `results`.

    Args:
        analysis: where the scores over time are.
        results: the rows.
        is_wide: a column per time since programming, rather than the first, the middle and the last; and others for the
            paired tests and the effect sizes, of which there is the verdict in any case; and for what a method takes
            beside its memory.
    """
    times = analysis.times_s
    if len(times) > _MOST_TIMES and not is_wide:
        times = [times[0], times[len(times) // 2], times[-1]]
    tuned = analysis.sweep.tune is not None
    tested = any(one.against_baseline for one in results)
    learning = [
        column.heading
        for column in LEARNING_COLUMNS
        if any(column.heading in one.learning for one in results)
    ]
    costs = [
        cost
        for cost in BESIDE_MEMORY
        if is_wide and len({one.costs.get(cost.name) for one in results}) > 1
    ]
    metric = analysis.metric
    cells = _score_cells(analysis)
    headings = [analysis.compares]
    headings += [metric.under(time_in_words(time_s)) for time_s in times] or [
        f"test {metric.short_heading}"
    ]
    headings += [f"against {analysis.baseline}", "Hedges' g"] if tested and is_wide else []
    headings += ["verdict"] if tested else []
    headings += learning
    headings += ["update state", *(cost.short_heading for cost in costs)]
    headings += [tuned_name(analysis)] if tuned else []
    leaders = {
        one.facet: metric.best((o for o in results if o.facet == one.facet), lambda o: o.mean)
        for one in results
    }
    rows, starts, last = [], [], None
    for one in results:
        row = [one.series]
        row += [cells.get((one.facet, one.series, time_s), "-") for time_s in times] or [
            metric.number(one.mean, one.std)
        ]
        row += _against(one, analysis) if tested and is_wide else []
        row += (
            [one.against_baseline.verdict_words if one.against_baseline else "-"] if tested else []
        )
        row += [one.learning.get(heading, "-") for heading in learning]
        row += [bytes_in_words(one.state_bytes)]
        row += [_cost_cell(cost, one) for cost in costs]
        row += [_tuned_cell(one)] if tuned else []
        rows.append(row)
        starts.append(
            analysis.facet_name(one.facet) if one.facet != last and len(leaders) > 1 else None
        )
        last = one.facet
    notes = [verdict_rule(analysis)] if tested else []
    notes += edge_words(results, tuned_name(analysis)) if tuned else []
    notes += [analysis.weights_alone_words] if analysis.weights_alone_words else []
    return Table(headings, rows, [leaders[one.facet] is one for one in results], starts, notes)


def _score_cells(analysis: Analysis) -> dict[tuple[str, str, float], str]:
    if not analysis.times_s:
        return {}
    frame = score_over_time(analysis)
    frame = frame[frame["compensation"] == analysis.compensation]
    return {
        (row.facet, row.series, row.time_s): analysis.metric.number(row.score, row.std)
        for row in frame.itertuples()
    }


def _against(one: MethodResult, analysis: Analysis) -> list[str]:
    """The difference with its interval and p-value, and the standardised difference with its interval."""
    difference = one.against_baseline
    if difference is None:
        return ["baseline" if one.series == analysis.baseline else "-", "-"]
    effect = difference.effect
    return [
        f"{interval_words(analysis.metric, effect)}, {p_words(difference.p_value)}",
        g_words(effect) or "-",
    ]


def _cost_cell(cost: Cost, one: MethodResult) -> str:
    value = one.costs.get(cost.name)
    return "-" if value is None else f"{value:.{cost.digits}f}"


def _tuned_cell(one: MethodResult) -> str:
    value = f"{one.tuned:.3g}" if isinstance(one.tuned, float) else str(one.tuned)
    return value if one.tuned_edge is None else f"{value} (edge)"


def tuned_name(analysis: Analysis) -> str:
    """What is tuned, in words."""
    key = analysis.sweep.tune or ""
    return "learning rate" if key.endswith(".lr") else key.split(".")[-1]
