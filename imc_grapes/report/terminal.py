"""A sweep's answer on a terminal."""

from rich.console import Console
from rich.table import Table as RichTable

from imc_grapes.report.analysis import Analysis
from imc_grapes.report.statistics import Standing
from imc_grapes.report.table import summary_table
from imc_grapes.report.words import answer


def print_summary(analysis: Analysis, found: list[Standing], console: Console) -> None:
    """Print the summary table, and the answer in words below it."""
    table = summary_table(analysis, found)
    shown = RichTable(
        title=_title(analysis),
        title_justify="left",
        caption=analysis.spread_words,
        caption_justify="left",
    )
    for index, heading in enumerate(table.headings):
        shown.add_column(
            heading, justify="left" if index == 0 else "right", no_wrap=" " not in heading
        )
    for row, is_best, facet in zip(table.rows, table.best, table.facet_starts, strict=True):
        if facet is not None:
            shown.add_section()
            shown.add_row(facet, style="italic")
        shown.add_row(*row, style="bold" if is_best else None)
    console.print(shown)
    for facet in analysis.facets:
        on_facet = [one for one in found if one.facet == facet]
        prefix = f"{facet}: " if len(analysis.facets) > 1 else ""
        if on_facet and len(analysis.facets) <= 6:
            console.print(
                prefix + " ".join(answer(analysis, on_facet)), highlight=False, markup=False
            )


def _title(analysis: Analysis) -> str:
    when = "since programming" if analysis.times_s else "after training"
    facet = "" if len(analysis.facets) > 1 else f" on {analysis.facet_name(analysis.facets[0])}"
    return f"Test {analysis.metric.label} {when}{facet}"
