"""Score after every epoch of training."""

from typing import Any

import altair as alt
import pandas as pd

from imc_grapes.pictures import style
from imc_grapes.pictures.picture import Picture
from imc_grapes.report.analysis import Analysis
from imc_grapes.report.charts import encodings
from imc_grapes.report.charts.curves import curves

_FEW_EPOCHS = 10


def learning_curves_picture(analysis: Analysis) -> Picture | None:
    """The picture; None where no trial has more than one epoch."""
    epochs = analysis.epochs
    if epochs.empty or epochs["epoch"].nunique() < 2:
        return None
    metric = analysis.metric
    held_out = f"validation_{metric.name}"
    data = "validation" if held_out in epochs and epochs[held_out].notna().all() else "test"
    column = f"{data}_{metric.name}"
    frame = epochs.groupby(["facet", "series", "epoch"], sort=False, as_index=False).agg(
        score=(column, "mean"),
        std=(column, "std"),
        loss=("train_loss", "mean"),
        seeds=("seed", "nunique"),
    )
    frame = style.score_columns(frame, metric)
    epoch = alt.X(
        "epoch:Q",
        title="epoch",
        scale=alt.Scale(nice=False),
        axis=alt.Axis(format="d", grid=False, **_ticks(frame["epoch"])),
    )
    tooltips = [
        alt.Tooltip("epoch:Q", title="epoch"),
        *style.score_tooltips(metric, f"{data} {metric.short_heading}"),
        alt.Tooltip("loss:Q", title="training loss", format=".4f"),
    ]
    layers = curves(epoch, analysis, "method_learning", f"{data} {metric.heading}", tooltips)
    return Picture(
        name="learning-curves",
        title="Learning curves",
        caption=f"{metric.title} on {data} data after each epoch of training, before the weights are programmed; "
        "the band is one standard deviation over seeds.",
        spec=encodings.faceted(layers, analysis, frame),
    )


def _ticks(epochs: pd.Series) -> dict[str, Any]:
    """Every epoch of a few, some of which Vega would label twice; of many, what Vega chooses."""
    numbers = sorted(int(epoch) for epoch in epochs.unique())
    return {"values": numbers} if len(numbers) <= _FEW_EPOCHS else {"tickMinStep": 1}
