"""Time since programming on a log axis, with human-readable labels."""

import json

import altair as alt

from imc_grapes.pictures.quantities import time_in_words

EARLIEST_S = 1.0
"""Zero has no place on a log axis; it is drawn at one second, and labelled 0 s."""


def plotted(time_s: float) -> float:
    """Where on the axis a time stands."""
    return max(time_s, EARLIEST_S)


def time_axis(times_s: list[float]) -> alt.X:
    """The axis, with a tick at each of `times_s`."""
    words = {str(round(1000 * plotted(time_s))): time_in_words(time_s) for time_s in times_s}
    axis = alt.Axis(
        values=[plotted(time_s) for time_s in times_s],
        labelExpr=f"{json.dumps(words)}[round(1000 * datum.value)] || datum.label",
        labelOverlap="greedy",
        labelFlush=True,
        grid=False,
    )
    return alt.X(
        "plotted_s:Q",
        title="time since programming (log scale)",
        scale=alt.Scale(type="log", nice=False, padding=10),
        axis=axis,
    )
