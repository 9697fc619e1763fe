"""Score over two swept settings, a map per method."""

from typing import Any

import altair as alt
import pandas as pd

from imc_grapes.pictures import style
from imc_grapes.pictures.picture import Picture
from imc_grapes.report.analysis import Analysis
from imc_grapes.report.charts.swept_axes import (
    is_numeric,
    setting_axes,
    short_name,
    shown_values,
)

_MOST_NUMBERS = 100
_CELL, _LARGEST_SIDE = 46, 420


def heat_map_picture(analysis: Analysis) -> Picture | None:
    """The picture; None unless two settings or more are swept. Of a third one on, the map can be for each value."""
    axes = setting_axes(analysis)
    if len(axes) < 2:
        return None
    across, down, *rest = axes
    names = {axis: short_name(analysis, axis) for axis in axes}
    chosen = analysis.chosen
    slices = [
        ", ".join(f"{names[axis]} {row[axis]}" for axis in rest)
        for row in chosen[rest].to_dict(orient="records")
    ]
    metric = analysis.metric
    frame = (
        chosen.assign(
            slice=slices, x=shown_values(analysis, across), y=shown_values(analysis, down)
        )
        .groupby(["method", "slice", "x", "y"], sort=False, as_index=False)
        .agg(score=("headline", "mean"), std=("headline", "std"), seeds=("seed", "count"))
    )
    frame = style.score_columns(frame, metric)
    order_x, order_y = _order(analysis, across, frame["x"]), _order(analysis, down, frame["y"])
    base = alt.Chart().encode(
        x=alt.X(
            "x:O",
            title=names[across],
            sort=order_x,
            axis=alt.Axis(
                labelAngle=0,
                labelOverlap=True,
                format="~g" if is_numeric(analysis, across) else alt.Undefined,
            ),
        ),
        y=alt.Y(
            "y:O",
            title=names[down],
            sort=order_y[::-1],
            axis=alt.Axis(format="~g" if is_numeric(analysis, down) else alt.Undefined),
        ),
    )
    cells = base.mark_rect().encode(
        color=alt.Color(
            "score:Q",
            scale=alt.Scale(scheme="viridis", zero=False, reverse=not metric.higher_is_better),
            legend=alt.Legend(title=metric.heading, gradientLength=180, titleOrient="left"),
        ),
        tooltip=[
            alt.Tooltip("method:N"),
            alt.Tooltip("x:O", title=names[across]),
            alt.Tooltip("y:O", title=names[down]),
            *style.score_tooltips(metric),
            alt.Tooltip("seeds:Q", title="seeds"),
        ],
    )
    layers = alt.layer(cells)
    if len(order_x) * len(order_y) <= _MOST_NUMBERS:
        middle = (frame["score"].min() + frame["score"].max()) / 2
        numbers = base.mark_text(fontSize=11.5).encode(
            text=alt.Text("score:Q", format=f".{metric.digits}f"),
            color=alt.condition(
                f"datum.score {'>' if metric.higher_is_better else '<'} {middle}",
                alt.value("#111"),
                alt.value("white"),
            ),
        )
        layers = alt.layer(cells, numbers)
    if rest:
        options = list(dict.fromkeys(slices))
        choice = alt.param(
            name="slice", value=options[0], bind=alt.binding_select(options=options, name="At ")
        )
        layers = layers.add_params(choice).transform_filter("datum.slice == slice")
    layers = layers.properties(
        width=min(_LARGEST_SIDE, _CELL * len(order_x)),
        height=min(_LARGEST_SIDE, _CELL * len(order_y)),
    )
    methods = frame["method"].unique().tolist()
    chart: Any = layers
    if len(methods) > 1:
        facet = alt.Facet("method:N", sort=methods)
        chart = layers.facet(facet=facet, columns=2, data=style.NO_DATA)
    return Picture(
        name="heat-map",
        title=f"{metric.title} over {names[across]} and {names[down]}",
        caption=f"Mean test {metric.heading} {analysis.headline_words}.",
        spec=style.finished(chart, frame),
    )


def _order(analysis: Analysis, axis: str, values: pd.Series) -> list[object]:
    distinct = values.unique().tolist()
    return sorted(distinct) if is_numeric(analysis, axis) else distinct
