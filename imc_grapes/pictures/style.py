"""What all pictures share: fonts, axes, the colour of each method, facets, the choices above a chart."""

from typing import Any

import altair as alt
import pandas as pd

from imc_grapes.data.metric import Metric

FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"
INK, FAINT_INK, GRID = "#1f2733", "#566070", "#e6e9ee"
WIDTH, HEIGHT = 620, 330
FACET_WIDTH, FACET_HEIGHT, FACET_COLUMNS = 300, 220, 3
LEGEND_LETTER, LEGEND_SYMBOL, LEGEND_OVERHANG = 6.5, 40, 60
"""Pixels that a letter, and the symbol with the space around it, take in a legend; how far that may stick out."""
MOST_FACETS = 12
"""More device configs than that are offered one by one instead of side by side."""
ALL = "all"

NO_DATA = alt.Data(values=[])

CONFIG: dict[str, Any] = {
    "font": FONT,
    "background": "white",
    "padding": {"left": 6, "right": 14, "top": 6, "bottom": 6},
    "view": {"stroke": None},
    "axis": {
        "labelColor": FAINT_INK,
        "titleColor": INK,
        "labelFontSize": 12,
        "titleFontSize": 12.5,
        "titleFontWeight": "normal",
        "titlePadding": 10,
        "gridColor": GRID,
        "domainColor": "#aab2bd",
        "tickColor": "#aab2bd",
        "labelPadding": 5,
    },
    "legend": {
        "orient": "top",
        "title": None,
        "labelFontSize": 12.5,
        "labelColor": INK,
        "labelLimit": 260,
        "symbolSize": 90,
        "symbolOpacity": 1,
        "columnPadding": 18,
        "offset": 10,
    },
    "header": {"labelFontSize": 12.5, "labelColor": INK, "labelFontWeight": "bold", "title": None},
}


def picked_in_legend(name: str) -> alt.Parameter:
    """Click an entry of the legend to see it alone, shift-click for more."""
    return alt.selection_point(name=name, fields=["series"], bind="legend")


def score_axis(field: str, title: str) -> alt.Y:
    """A y axis of scores, which does not start at zero."""
    return alt.Y(field, title=title, scale=alt.Scale(zero=False, nice=True, padding=8))


def score_columns(frame: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """`frame` with its `score` and `std` as they are shown, and the ends of the band of one standard deviation."""
    score, std = metric.scale * frame["score"], metric.scale * frame["std"].fillna(0.0)
    high = (score + std).clip(upper=metric.most)
    return frame.assign(score=score, std=std, low=score - std, high=high)


def score_tooltips(metric: Metric, label: str | None = None) -> list[alt.Tooltip]:
    """The score, under its name or another `label`, and its standard deviation."""
    return [
        alt.Tooltip("score:Q", title=label or metric.short_heading, format=metric.tick_format),
        alt.Tooltip("std:Q", title="± std", format=metric.tick_format),
    ]


def number_scale(is_log: bool) -> alt.Scale:
    """The scale of an axis of swept numbers."""
    if is_log:
        return alt.Scale(type="log", nice=False, padding=14)
    return alt.Scale(nice=False, zero=False, padding=14)


def finished(chart: Any, frame: pd.DataFrame) -> dict[str, Any]:
    """The chart of `frame` as Vega-Lite in the common style; what is missing in the frame is null.

    The data is put in last: Altair would check every row of it against the schema of Vega-Lite.
    """
    spec: dict[str, Any] = chart.properties(data=NO_DATA).to_dict()
    plain = frame.astype(object).where(frame.notna(), None)
    spec["data"] = {"values": plain.to_dict(orient="records")}
    spec["config"] = CONFIG
    if "series" in frame:
        columns = {"columns": _legend_columns(frame["series"])}
        spec["config"] = {**CONFIG, "legend": {**CONFIG["legend"], **columns}}
    return spec


def _legend_columns(series: pd.Series) -> int:
    """As many names beside each other as fit above the narrowest picture."""
    names = [str(name) for name in series.unique()]
    widest = max(map(len, names))
    fitting = (WIDTH + LEGEND_OVERHANG) // (LEGEND_SYMBOL + LEGEND_LETTER * widest)
    return int(max(1, min(len(names), fitting)))
