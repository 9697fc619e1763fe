"""A sweep's answer on a terminal."""

import re

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from imc_grapes.report.analysis import Analysis
from imc_grapes.report.statistics import MethodResult
from imc_grapes.report.table import Table, summary_table
from imc_grapes.report.words import answer

MOST_FACETS = 12
"""More device configs than that would fill the terminal several times over; the report has all."""
_WORD = re.compile(r"± \S+|\S+")
"""A spread stays with its sign."""
_BETWEEN, _SIDES = 3, 2
"""Characters that the table puts between two columns, and at its sides together."""


def print_summary(analysis: Analysis, results: list[MethodResult], console: Console) -> None:
    """Print the summary table, and the answer in words below it."""
    shown_facets = analysis.facets[:MOST_FACETS]
    table = summary_table(analysis, [one for one in results if one.facet in shown_facets])
    shown = RichTable(
        title=Text(_title(analysis)),
        title_justify="left",
        caption=Text(analysis.spread_words),
        caption_justify="left",
        pad_edge=False,
    )
    widths = _widths(table, console.width)
    for index, (heading, width) in enumerate(zip(table.headings, widths, strict=True)):
        shown.add_column(Text(heading), justify="left" if index == 0 else "right", width=width)
    for row, is_best, facet in zip(table.rows, table.best, table.facet_starts, strict=True):
        if facet is not None:
            shown.add_section()
            shown.add_row(Text(facet), style="italic")
        shown.add_row(*map(Text, row), style="bold" if is_best else None)
    console.print(shown)
    for note in table.notes:
        console.print(Text(note))
    if len(analysis.facets) > MOST_FACETS:
        console.print(
            f"{len(analysis.facets) - MOST_FACETS} more device configs are in the report.",
            highlight=False,
        )
    for facet in analysis.facets:
        on_facet = [one for one in results if one.facet == facet]
        prefix = f"{facet}: " if len(analysis.facets) > 1 else ""
        if on_facet and len(analysis.facets) <= 6:
            console.print(Text(prefix + " ".join(answer(analysis, on_facet))))


def _widths(table: Table, available: int) -> list[int]:
    """Of the columns: as long as their cells, or, from the right, down to their longest word, which is never cut."""
    facets = [facet for facet in table.facet_starts if facet]
    columns = [list(cells) for cells in zip(table.headings, *table.rows, strict=True)]
    columns[0] += facets
    least = [max(len(word) for cell in cells for word in _WORD.findall(cell)) for cells in columns]
    spare = available - sum(least) - _BETWEEN * (len(columns) - 1) - _SIDES
    widths = []
    for cells, width in zip(columns, least, strict=True):
        more = max(0, min(max(map(len, cells[1:])) - width, spare))
        spare -= more
        widths.append(width + more)
    return widths


def _title(analysis: Analysis) -> str:
    when = "since programming" if analysis.times_s else "after training"
    facet = "" if len(analysis.facets) > 1 else f" on {analysis.facet_name(analysis.facets[0])}"
    return f"Test {analysis.metric.label} {when}{facet}"
