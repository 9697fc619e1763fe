"""Score against bits of update state: no method has both less and better than one on the front."""

import altair as alt
import pandas as pd

from imc_grapes.data.metric import Metric
from imc_grapes.pictures import style
from imc_grapes.pictures.picture import Picture
from imc_grapes.pictures.quantities import bytes_in_words
from imc_grapes.report.analysis import Analysis
from imc_grapes.report.charts import encodings
from imc_grapes.report.statistics import MethodResult

_MARGIN = 0.06
"""Room beside the first and the last point, as a share of the axis; nothing has less than 0 bits."""
_BESIDE = 0.02
"""Distance of points of equal memory, as a share of the axis."""


def pareto_picture(analysis: Analysis, results: list[MethodResult]) -> Picture | None:
    """The picture; None where all methods keep the same."""
    if analysis.compares != "method" or len({one.state_bytes for one in results}) < 2:
        return None
    metric = analysis.metric
    frame = pd.DataFrame(
        {
            "facet": one.facet,
            "series": one.series,
            "kbit": 8 * one.state_bytes / 1000,
            "state": bytes_in_words(one.state_bytes),
            "score": metric.shown(one.mean),
            "low": metric.shown(one.mean - (one.std or 0.0)),
            "high": metric.shown(one.mean + (one.std or 0.0)),
            "front": _is_on_front(one, results, metric),
        }
        for one in results
    )
    most = frame["kbit"].max()
    frame["drawn_at"] = frame["kbit"] + most * _sideways(frame)
    picked = style.picked_in_legend("method_pareto")
    base = alt.Chart().encode(
        x=alt.X(
            "drawn_at:Q",
            title="update state kept between updates (kbit)",
            scale=alt.Scale(domain=[-_MARGIN * most, (1 + _MARGIN) * most], nice=False),
            axis=alt.Axis(tickCount=6, labelExpr="datum.value < 0 ? '' : datum.label"),
        ),
        y=style.score_axis("score:Q", f"test {metric.heading_at(analysis.headline_words)}"),
    )
    front = (
        base.transform_filter("datum.front")
        .mark_line(interpolate="step-after", color="#aab2bd", strokeDash=[4, 4], strokeWidth=1.5)
        .encode(x="kbit:Q", order="kbit:Q")
    )
    bars = base.mark_rule(strokeWidth=1.6).encode(
        y="low:Q",
        y2="high:Q",
        color=encodings.colour(analysis),
        opacity=alt.condition(picked, alt.value(0.75), alt.value(0.05)),
    )
    points = (
        base.mark_point(filled=True, size=110)
        .encode(
            color=encodings.colour(analysis),
            shape=encodings.shape(analysis),
            opacity=alt.condition(picked, alt.value(1.0), alt.value(0.08)),
            tooltip=[
                alt.Tooltip("series:N", title="method"),
                alt.Tooltip("score:Q", title=metric.short_heading, format=metric.tick_format),
                alt.Tooltip("kbit:Q", title="update state (kbit)", format=",.1f"),
                alt.Tooltip("state:N", title="update state"),
            ],
        )
        .add_params(picked)
    )
    return Picture(
        name=f"{metric.name}-and-memory",
        title=f"{metric.title} against update memory",
        caption=(
            f"{'Upper' if metric.higher_is_better else 'Lower'} left is best. The dashed line is the Pareto front: "
            f"the best {metric.label} at each amount of memory. "
            "Bars are one standard deviation over seeds; methods with the same memory stand side by side."
        ),
        spec=encodings.faceted(alt.layer(front, bars, points), analysis, frame),
    )


def _sideways(frame: pd.DataFrame) -> pd.Series:
    """How far each point is moved, as a share of the axis, so that points of equal memory do not hide each other."""
    equal = frame.groupby(["facet", "kbit"])["series"]
    return (equal.cumcount() - (equal.transform("size") - 1) / 2) * _BESIDE


def _is_on_front(one: MethodResult, results: list[MethodResult], metric: Metric) -> bool:
    return not any(
        other.facet == one.facet
        and other.state_bytes <= one.state_bytes
        and not metric.better(one.mean, other.mean)
        and (other.state_bytes, other.mean) != (one.state_bytes, one.mean)
        for other in results
    )
