"""A sweep's answer as Markdown, to be pasted into a text: a table per device config, and the answer in words."""

from itertools import groupby

from imc_grapes.report.analysis import Analysis
from imc_grapes.report.statistics import Standing
from imc_grapes.report.table import summary_table
from imc_grapes.report.words import answer


def markdown(analysis: Analysis, found: list[Standing]) -> str:
    """Tables with a row per method, the best in bold, and below each what it says."""
    parts = []
    for facet, on_facet in groupby(found, key=lambda one: one.facet):
        standings = list(on_facet)
        table = summary_table(analysis, standings, is_wide=True)
        rows = [
            [f"**{row[0]}**", *row[1:]] if is_best else row
            for row, is_best in zip(table.rows, table.best, strict=True)
        ]
        if len(analysis.facets) > 1:
            parts.append(f"**{analysis.facet_name(facet)}**")
        parts.append("\n".join(map(_line, [table.headings, ["---"] * len(table.headings), *rows])))
        parts.append(" ".join(answer(analysis, standings)))
    return "\n\n".join([*parts, f"({analysis.spread_words}.)"])


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
