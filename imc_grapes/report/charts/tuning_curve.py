"""How each method's validation score depends on the tuned key, and which value it takes."""

import altair as alt
import pandas as pd

from imc_grapes.pictures import style
from imc_grapes.pictures.picture import Picture
from imc_grapes.report.analysis import Analysis
from imc_grapes.report.charts import encodings

_WORTH_A_LOG_AXIS = 4.0


def tuning_picture(analysis: Analysis) -> Picture | None:
    """The picture; None where nothing was tuned, or where the key is no number."""
    trials, metric = analysis.trials, analysis.metric
    if analysis.sweep.tune is None or not pd.api.types.is_numeric_dtype(trials["tuned"]):
        return None
    done = trials[trials["status"] == "done"].assign(
        validation=pd.to_numeric(trials[f"validation_{metric.name}"])
    )
    if done["validation"].isna().all():
        return None
    frame = done.groupby(["facet", "series", "tuned"], sort=False, as_index=False).agg(
        score=("validation", "mean"),
        std=("validation", "std"),
        chosen=("chosen", "first"),
        seeds=("seed", "count"),
    )
    frame = style.score_columns(frame, metric)
    picked = style.picked_in_legend("method_tuning")
    faded = alt.condition(picked, alt.value(1.0), alt.value(0.08))
    low, high = frame["tuned"].min(), frame["tuned"].max()
    is_log = low > 0 and high / low >= _WORTH_A_LOG_AXIS
    name = "learning rate" if analysis.sweep.tune.endswith(".lr") else analysis.sweep.tune
    values = sorted(frame["tuned"].unique().tolist())
    base = alt.Chart().encode(
        x=alt.X(
            "tuned:Q",
            title=f"{name}{' (log scale)' if is_log else ''}",
            scale=style.number_scale(is_log),
            axis=alt.Axis(values=values, format="~g", labelOverlap="greedy", grid=False),
        ),
        y=style.score_axis("score:Q", f"validation {metric.heading}"),
        color=encodings.colour(analysis),
    )
    lines = base.mark_line(strokeWidth=2).encode(strokeDash=encodings.dash(analysis), opacity=faded)
    bars = base.mark_rule(strokeWidth=1.2).encode(y="low:Q", y2="high:Q", opacity=faded)
    points = (
        base.mark_point(filled=True, size=55)
        .encode(
            shape=encodings.shape(analysis),
            opacity=faded,
            tooltip=[
                alt.Tooltip("series:N", title=analysis.compares),
                alt.Tooltip("tuned:Q", title=name, format="~g"),
                *style.score_tooltips(metric, f"validation {metric.short_heading}"),
                alt.Tooltip("seeds:Q", title="seeds"),
                alt.Tooltip("chosen:N", title="taken"),
            ],
        )
        .add_params(picked)
    )
    rings = (
        base.transform_filter("datum.chosen")
        .mark_point(filled=False, size=260, strokeWidth=1.8, shape="circle")
        .encode(opacity=faded)
    )
    return Picture(
        name="tuning",
        title=f"Tuning the {name}",
        caption=(
            f"Each method takes the {name} with the best mean validation {metric.label} (ringed); test data has no "
            "say. "
            "Everything else on this page is about the ringed values alone. "
            "Where a ring sits at the end of its line, a wider range may do better."
        ),
        spec=encodings.faceted(alt.layer(lines, bars, points, rings), analysis, frame),
    )
