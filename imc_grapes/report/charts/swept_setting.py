"""Score against one swept number, such as the bits of an ADC: a line per method."""

import altair as alt

from imc_grapes.pictures import style
from imc_grapes.pictures.palette import colours, dashes, shapes
from imc_grapes.pictures.picture import Picture
from imc_grapes.report.analysis import Analysis
from imc_grapes.report.charts.swept_axes import is_numeric, setting_axes, short_name

_WORTH_A_LOG_AXIS = 20.0


def swept_setting_picture(analysis: Analysis) -> Picture | None:
    """The picture; None unless one setting, and a number, is swept."""
    axes = setting_axes(analysis)
    if len(axes) != 1 or not is_numeric(analysis, axes[0]):
        return None
    axis, name = axes[0], short_name(analysis, axes[0])
    metric = analysis.metric
    frame = (
        analysis.chosen.rename(columns={axis: "swept"})
        .groupby(["method", "swept"], sort=False, as_index=False)
        .agg(score=("headline", "mean"), std=("headline", "std"), seeds=("seed", "count"))
    )
    frame = style.score_columns(frame, metric)
    values = sorted(frame["swept"].unique().tolist())
    is_log = values[0] > 0 and values[-1] / values[0] >= _WORTH_A_LOG_AXIS
    methods = frame["method"].unique().tolist()
    colour = alt.Color(
        "method:N",
        sort=methods,
        scale=alt.Scale(domain=methods, range=colours(methods, analysis.sweep.baseline)),
    )
    base = alt.Chart().encode(
        x=alt.X(
            "swept:Q",
            title=f"{name}{' (log scale)' if is_log else ''}",
            scale=style.number_scale(is_log),
            axis=alt.Axis(values=values, format="~g", labelOverlap="greedy", grid=False),
        ),
        color=colour,
    )
    title = f"test {metric.heading_at(analysis.headline_words)}"
    band = base.mark_area(opacity=0.13).encode(y=style.score_axis("low:Q", title), y2="high:Q")
    dash = alt.StrokeDash(
        "method:N", sort=methods, scale=alt.Scale(domain=methods, range=dashes(methods))
    )
    line = base.mark_line(strokeWidth=2.2).encode(y="score:Q", strokeDash=dash)
    points = base.mark_point(filled=True, size=62).encode(
        y="score:Q",
        shape=alt.Shape(
            "method:N", sort=methods, scale=alt.Scale(domain=methods, range=shapes(methods))
        ),
        tooltip=[
            alt.Tooltip("method:N"),
            alt.Tooltip("swept:Q", title=name, format="~g"),
            *style.score_tooltips(metric),
            alt.Tooltip("seeds:Q", title="seeds"),
        ],
    )
    chart = alt.layer(band, line, points).properties(width=style.WIDTH, height=style.HEIGHT)
    return Picture(
        name="swept-setting",
        title=f"{metric.title} against {name}",
        caption=f"Mean test {metric.label} {analysis.headline_words}; the band is one standard deviation over seeds.",
        spec=style.finished(chart, frame),
    )
