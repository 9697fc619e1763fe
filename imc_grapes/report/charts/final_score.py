"""Score of each method after training, for hardware that does not drift."""

import altair as alt
import pandas as pd

from imc_grapes.pictures.picture import Picture
from imc_grapes.report.analysis import Analysis
from imc_grapes.report.charts import encodings
from imc_grapes.report.statistics import MethodResult


def final_score_picture(analysis: Analysis, results: list[MethodResult]) -> Picture | None:
    """The picture; None where the score over time says it already."""
    if analysis.times_s:
        return None
    metric = analysis.metric
    seeds = analysis.chosen[["facet", "series", "seed", "headline"]].assign(
        score=metric.shown(analysis.chosen["headline"])
    )
    means = pd.DataFrame(
        {
            "facet": one.facet,
            "series": one.series,
            "mean": metric.shown(one.mean),
            "low": metric.shown(one.mean - (one.std or 0.0)),
            "high": metric.shown(one.mean + (one.std or 0.0)),
        }
        for one in results
    )
    frame = pd.concat([seeds, means], ignore_index=True)
    base = alt.Chart().encode(
        y=alt.Y(
            "series:N",
            sort=analysis.series,
            title=None,
            axis=alt.Axis(grid=True, domain=False, ticks=False),
        ),
        color=encodings.colour(analysis).legend(None),
    )
    scale = alt.Scale(zero=False, padding=12)
    dots = (
        base.transform_filter("isValid(datum.score)")
        .mark_point(filled=True, size=40, opacity=0.45)
        .encode(
            x=alt.X("score:Q", title=f"test {metric.heading}", scale=scale),
            tooltip=[
                alt.Tooltip("series:N", title=analysis.compares),
                alt.Tooltip("seed:Q"),
                alt.Tooltip("score:Q", title=metric.short_heading, format=metric.tick_format),
            ],
        )
    )
    bars = (
        base.transform_filter("isValid(datum.mean)")
        .mark_rule(strokeWidth=2)
        .encode(x="low:Q", x2="high:Q")
    )
    middles = (
        base.transform_filter("isValid(datum.mean)")
        .mark_tick(thickness=3, size=20)
        .encode(
            x="mean:Q",
            tooltip=[
                alt.Tooltip("series:N", title=analysis.compares),
                alt.Tooltip("mean:Q", title=metric.under("mean"), format=metric.tick_format),
            ],
        )
    )
    spec = encodings.faceted(alt.layer(bars, dots, middles), analysis, frame)
    return Picture(
        name=f"final-{metric.name}",
        title=f"{metric.title} after training",
        caption="A dot per seed, a tick at their mean, a line of one standard deviation to either side.",
        spec=spec,
    )
