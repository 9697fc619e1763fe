"""Score against what it takes: no method has both less and better than one on the Pareto front."""

import altair as alt
import pandas as pd

from imc_grapes.data.metric import Metric
from imc_grapes.pictures import style
from imc_grapes.pictures.picture import Picture
from imc_grapes.report.analysis import Analysis
from imc_grapes.report.charts import encodings
from imc_grapes.report.ledger import COSTS, MEMORY, Cost, trains_on_tiles
from imc_grapes.report.statistics import MethodResult

_MARGIN = 0.06
"""Room beside the first and the last point, as a share of the axis; nothing has less than 0."""
_BESIDE = 0.02
"""Distance of points of equal cost, as a share of the axis."""
_LOG_FROM = 20.0
"""Ratio of the largest to the least cost above which the axis is logarithmic."""


def pareto_pictures(analysis: Analysis, results: list[MethodResult]) -> list[Picture]:
    """A picture per cost that methods differ in; none where settings are compared."""
    if analysis.compares != "method":
        return []
    drawn = [_picture(cost, analysis, results) for cost in COSTS]
    return [picture for picture in drawn if picture is not None]


def _picture(cost: Cost, analysis: Analysis, results: list[MethodResult]) -> Picture | None:
    known = [one for one in results if cost.name in one.costs]
    if len({one.costs[cost.name] for one in known}) < 2:
        return None
    metric = analysis.metric
    frame = pd.DataFrame(
        {
            "facet": one.facet,
            "series": one.series,
            "cost": one.costs[cost.name],
            "score": metric.shown(one.mean),
            "low": metric.shown(one.mean - (one.std or 0.0)),
            "high": metric.shown(one.mean + (one.std or 0.0)),
            "front": _is_on_front(one, known, cost, metric),
        }
        for one in known
    )
    most, least = float(frame["cost"].max()), float(frame["cost"].min())
    is_log = least > 0.0 and most / least > _LOG_FROM
    # So that points of equal cost do not hide each other.
    frame["drawn_at"] = frame["cost"] if is_log else frame["cost"] + most * _sideways(frame)
    scale = (
        alt.Scale(type="log", nice=False, padding=14)
        if is_log
        else alt.Scale(domain=[-_MARGIN * most, (1 + _MARGIN) * most], nice=False)
    )
    picked = style.picked_in_legend(f"method_pareto_{cost.name}")
    base = alt.Chart().encode(
        x=alt.X(
            "drawn_at:Q",
            title=cost.heading,
            scale=scale,
            axis=alt.Axis(tickCount=6, labelExpr="datum.value < 0 ? '' : datum.label"),
        ),
        y=style.score_axis("score:Q", f"test {metric.heading_at(analysis.headline_words)}"),
    )
    on_front = base.transform_filter("datum.front")
    front = on_front.mark_line(
        interpolate="step-after", color="#aab2bd", strokeDash=[4, 4], strokeWidth=1.5
    ).encode(x="cost:Q", order="cost:Q")
    names = on_front.mark_text(
        align="left", dx=7, dy=-9, fontSize=11, color=style.FAINT_INK
    ).encode(text="series:N")
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
                alt.Tooltip("cost:Q", title=cost.short_heading, format=f",.{cost.digits}f"),
            ],
        )
        .add_params(picked)
    )
    return Picture(
        name=f"{metric.name}-and-{cost.name}",
        title=f"{metric.title} against {cost.title}",
        caption=(
            f"{'Upper' if metric.higher_is_better else 'Lower'} left is best. The dashed line is the Pareto front, on "
            f"which the methods are named: the best {metric.label} at each amount. "
            "Bars are one standard deviation over seeds; methods of the same amount stand side by side."
            + _missing_words(cost, analysis, results)
        ),
        spec=encodings.faceted(alt.layer(front, bars, points, names), analysis, frame),
    )


def _missing_words(cost: Cost, analysis: Analysis, results: list[MethodResult]) -> str:
    """Who is not in the picture; and, in the first one, which pictures there could be."""
    missing = dict.fromkeys(one.series for one in results if cost.name not in one.costs)
    said = ""
    if missing:
        said += f" Not here: {', '.join(missing)}, whose summaries have no {_named(cost)}."
    if cost is MEMORY and trains_on_tiles(analysis):
        unknown = [one for one in COSTS if not any(one.name in result.costs for result in results)]
        for one in unknown:
            said += f" No picture of {one.title}: no summary has {_named(one)}."
    return said


def _named(cost: Cost) -> str:
    return f"{cost.key} ({cost.how})" if cost.how else cost.key


def _sideways(frame: pd.DataFrame) -> pd.Series:
    """How far each point is moved, as a share of the axis."""
    equal = frame.groupby(["facet", "cost"])["series"]
    return (equal.cumcount() - (equal.transform("size") - 1) / 2) * _BESIDE


def _is_on_front(
    one: MethodResult, results: list[MethodResult], cost: Cost, metric: Metric
) -> bool:
    here = one.costs[cost.name]
    return not any(
        other.facet == one.facet
        and other.costs[cost.name] <= here
        and not metric.better(one.mean, other.mean)
        and (other.costs[cost.name], other.mean) != (here, one.mean)
        for other in results
    )
