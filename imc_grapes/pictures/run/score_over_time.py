"""The test score against time since programming."""

import altair as alt
import pandas as pd

from imc_grapes.config.hardware_words import COMPENSATIONS
from imc_grapes.pictures.picture import Picture
from imc_grapes.pictures.run.chart import finished, records
from imc_grapes.pictures.style import HEIGHT, WIDTH
from imc_grapes.pictures.time_axis import plotted, time_axis
from imc_grapes.summary import Summary

_COLOURS = {"none": "#d55e00", "global": "#0072b2", "column": "#009e73"}
_SOFTWARE = "#5b6472"


def score_over_time_picture(summary: Summary) -> Picture:
    """Mean and standard deviation over the repeats, per kind of drift compensation; dashed, the trained network.

    Args:
        summary: of a run that was evaluated over time.
    """
    metric = summary.measured_by
    frame = pd.DataFrame(
        {
            "plotted_s": plotted(point.time_s),
            "score": metric.shown(point.mean),
            "low": metric.shown(point.mean - point.std),
            "high": metric.shown(point.mean + point.std),
            "series": COMPENSATIONS[point.compensation],
        }
        for point in summary.drift
    )
    there = {point.compensation for point in summary.drift}
    colour_of = {COMPENSATIONS[kind]: colour for kind, colour in _COLOURS.items() if kind in there}
    scale = alt.Scale(domain=list(colour_of), range=list(colour_of.values()))
    colour = alt.Color("series:N", scale=scale)
    x = time_axis(sorted({point.time_s for point in summary.drift}))
    y = alt.Y("score:Q", title=f"test {metric.heading}", scale=alt.Scale(zero=False, padding=8))
    base = alt.Chart(records(frame))
    as_trained = summary.score
    level = alt.Chart(records(pd.DataFrame({"trained": [metric.shown(as_trained)]})))
    layers = alt.layer(
        level.mark_rule(color=_SOFTWARE, strokeDash=[5, 3]).encode(alt.Y("trained:Q")),
        base.mark_rule(strokeWidth=1.5).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), colour),
        base.mark_line(strokeWidth=2).encode(x, y, colour),
        base.mark_point(filled=True, size=60, opacity=1).encode(x, y, colour),
    )
    on = f" On {summary.hardware}." if summary.hardware else ""
    return Picture(
        f"{metric.name}_over_time",
        f"Test {metric.label} after programming",
        f"Mean and standard deviation over the repeats; dashed, the network as trained: "
        f"{metric.single(as_trained)}.{on}",
        finished(layers.properties(width=WIDTH, height=HEIGHT)),
    )
