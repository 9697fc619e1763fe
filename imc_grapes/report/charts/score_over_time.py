"""Score against time since programming: a line per method, a band of one standard deviation."""

import altair as alt

from imc_grapes.config.hardware_words import with_compensation
from imc_grapes.pictures import style
from imc_grapes.pictures.picture import Picture
from imc_grapes.pictures.quantities import time_in_words
from imc_grapes.pictures.time_axis import plotted, time_axis
from imc_grapes.report.analysis import Analysis
from imc_grapes.report.charts import encodings
from imc_grapes.report.charts.curves import curves
from imc_grapes.report.statistics import score_over_time


def score_over_time_picture(analysis: Analysis) -> Picture | None:
    """The picture; None on hardware that does not drift."""
    if not analysis.times_s:
        return None
    metric = analysis.metric
    frame = style.score_columns(score_over_time(analysis), metric)
    frame = frame.assign(
        plotted_s=frame["time_s"].map(plotted),
        time=frame["time_s"].map(time_in_words),
    )
    tooltips = [
        alt.Tooltip("time:N", title="since programming"),
        *style.score_tooltips(metric),
        alt.Tooltip("seeds:Q", title="seeds"),
    ]
    layers = curves(
        time_axis(analysis.times_s),
        analysis,
        "method_over_time",
        f"test {metric.heading}",
        tooltips,
    )
    kinds = frame["compensation"].unique().tolist()
    if len(kinds) > 1:
        choice = alt.param(
            name="compensation",
            value=analysis.compensation,
            bind=alt.binding_select(options=kinds, name="Drift compensation "),
        )
        layers = layers.add_params(choice).transform_filter("datum.compensation == compensation")
    return Picture(
        name=f"{metric.name}-over-time",
        title=f"{metric.title} against time since programming",
        caption=_caption(analysis),
        spec=encodings.faceted(layers, analysis, frame),
    )


def _caption(analysis: Analysis) -> str:
    spread = (
        "one standard deviation over the repeats of programming"
        if analysis.single_seed
        else f"one standard deviation over {analysis.seeds} seeds"
    )
    compensated = with_compensation(analysis.compensation or "none")
    said = f"Mean test {analysis.metric.label}, {compensated}; the band is {spread}."
    return f"{said} {analysis.weights_alone_words}".rstrip()
