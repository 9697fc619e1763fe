"""Accuracy on the tasks learned so far, as one is learned after another."""

import altair as alt

from imc_grapes.pictures import style
from imc_grapes.pictures.picture import Picture
from imc_grapes.report.analysis import Analysis
from imc_grapes.report.charts import encodings
from imc_grapes.report.charts.curves import curves


def tasks_learned_picture(analysis: Analysis) -> Picture | None:
    """The picture; None where the data set was learned as one task."""
    tasks = analysis.tasks
    if tasks.empty:
        return None
    so_far = tasks[tasks["task"] <= tasks["after_task"]]
    per_trial = so_far.groupby(
        ["facet", "series", "trial", "after_task"], sort=False, as_index=False
    )["accuracy"].mean()
    frame = per_trial.groupby(["facet", "series", "after_task"], sort=False, as_index=False).agg(
        score=("accuracy", "mean"), std=("accuracy", "std")
    )
    learned = sorted(int(count) for count in frame["after_task"].unique())
    layers = curves(
        alt.X(
            "after_task:Q",
            title="tasks learned",
            scale=alt.Scale(nice=False),
            axis=alt.Axis(format="d", grid=False, values=learned),
        ),
        analysis,
        "method_tasks",
        "test accuracy on the tasks learned so far (%)",
        [
            alt.Tooltip("after_task:Q", title="tasks learned"),
            *style.score_tooltips(analysis.metric),
        ],
    )
    return Picture(
        name="tasks-learned",
        title="What is kept of earlier tasks",
        caption="Mean test accuracy on all tasks learned so far, before the weights are programmed; the band is one "
        "standard deviation over seeds.",
        spec=encodings.faceted(layers, analysis, style.score_columns(frame, analysis.metric)),
    )
