"""A sweep's answer as Markdown, to be pasted into a text: a table per device config, and the answer in words."""

import re
from itertools import groupby

from imc_grapes.report.analysis import Analysis
from imc_grapes.report.statistics import MethodResult
from imc_grapes.report.table import summary_table
from imc_grapes.report.words import answer

_MEANS_SOMETHING = re.compile(r"[\\`*|]|<(?=[A-Za-z/!?])|\](?=[(\[])|(?<!\w)_|_(?!\w)")
"""Markdown's own characters, where they would not be read as themselves."""


def markdown(analysis: Analysis, results: list[MethodResult]) -> str:
    """Tables with a row per method, the best in bold, and below each what it says."""
    parts = []
    for facet, on_facet in groupby(results, key=lambda one: one.facet):
        on_hardware = list(on_facet)
        table = summary_table(analysis, on_hardware, is_wide=True)
        rows = [
            [f"**{_plain(row[0])}**" if is_best else _plain(row[0]), *map(_plain, row[1:])]
            for row, is_best in zip(table.rows, table.best, strict=True)
        ]
        headings = [_plain(heading) for heading in table.headings]
        if len(analysis.facets) > 1:
            parts.append(f"**{_plain(analysis.facet_name(facet))}**")
        parts.append("\n".join(map(_line, [headings, ["---"] * len(headings), *rows])))
        parts.append(_plain(" ".join([*answer(analysis, on_hardware), *table.notes])))
    return "\n\n".join([*parts, f"({analysis.spread_words}.)"])


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    """`text` so that Markdown shows it as it is: names are the user's."""
    return _MEANS_SOMETHING.sub(r"\\\g<0>", " ".join(text.splitlines()))
