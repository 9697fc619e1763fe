"""How a report shows methods and device configs: a colour, a shape, a line style each; a facet each."""

import json
from typing import Any

import altair as alt
import pandas as pd

from imc_grapes.pictures.palette import colours, dashes, shapes
from imc_grapes.pictures.style import (
    ALL,
    FACET_COLUMNS,
    FACET_HEIGHT,
    FACET_WIDTH,
    HEIGHT,
    MOST_FACETS,
    WIDTH,
    finished,
)
from imc_grapes.report.analysis import Analysis


def colour(analysis: Analysis) -> alt.Color:
    """The colour of each method."""
    scale = alt.Scale(domain=analysis.series, range=colours(analysis.series, analysis.baseline))
    return alt.Color("series:N", scale=scale, sort=analysis.series)


def shape(analysis: Analysis) -> alt.Shape:
    """The point shape of each method."""
    return alt.Shape(
        "series:N",
        scale=alt.Scale(domain=analysis.series, range=shapes(analysis.series)),
        sort=analysis.series,
    )


def dash(analysis: Analysis) -> alt.StrokeDash:
    """The line style of each method."""
    scale = alt.Scale(domain=analysis.series, range=dashes(analysis.series))
    return alt.StrokeDash("series:N", scale=scale, sort=analysis.series)


def faceted(layers: alt.LayerChart, analysis: Analysis, frame: pd.DataFrame) -> dict[str, Any]:
    """The chart of `frame` once per device config, or once if there is only one; as Vega-Lite, in the common style."""
    if len(analysis.facets) < 2:
        return finished(layers.properties(width=WIDTH, height=HEIGHT), frame)
    choice = alt.param(
        name="device",
        value=ALL,
        bind=alt.binding_select(options=[ALL, *analysis.facets], name="Device config "),
    )
    shown = json.dumps(analysis.facets[:MOST_FACETS])
    chart = (
        layers.properties(width=FACET_WIDTH, height=FACET_HEIGHT)
        .facet(
            facet=alt.Facet("facet:N", sort=analysis.facets),
            columns=FACET_COLUMNS,
            data=alt.Data(values=[]),
        )
        .add_params(choice)
        .transform_filter(
            f"device == '{ALL}' ? indexof({shown}, datum.facet) >= 0 : datum.facet == device"
        )
    )
    return finished(chart, frame)
