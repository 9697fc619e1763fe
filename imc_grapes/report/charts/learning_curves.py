"""Accuracy after every epoch of training."""

import altair as alt

from imc_grapes.report.analysis import Analysis
from imc_grapes.report.charts import style
from imc_grapes.vega.picture import Picture


def learning_curves_picture(analysis: Analysis) -> Picture | None:
    """The picture; None where no trial has more than one epoch."""
    epochs = analysis.epochs
    if epochs.empty or epochs["epoch"].nunique() < 2:
        return None
    on_validation = "validation_accuracy" in epochs and epochs["validation_accuracy"].notna().all()
    column = "validation_accuracy" if on_validation else "test_accuracy"
    images = "validation" if on_validation else "test"
    frame = epochs.groupby(["facet", "series", "epoch"], sort=False, as_index=False).agg(
        accuracy=(column, "mean"),
        std=(column, "std"),
        loss=("train_loss", "mean"),
        seeds=("seed", "nunique"),
    )
    frame = frame.assign(accuracy=100 * frame["accuracy"], std=100 * frame["std"].fillna(0.0))
    frame = frame.assign(
        low=frame["accuracy"] - frame["std"],
        high=(frame["accuracy"] + frame["std"]).clip(upper=100.0),
    )
    picked = style.picked_in_legend("method_learning")
    base = alt.Chart().encode(
        x=alt.X(
            "epoch:Q",
            title="epoch",
            scale=alt.Scale(nice=False),
            axis=alt.Axis(tickMinStep=1, format="d", grid=False),
        ),
        color=style.colour(analysis),
    )
    band = base.mark_area().encode(
        y=style.accuracy_axis("low:Q", f"{images} accuracy (%)"),
        y2="high:Q",
        opacity=alt.condition(picked, alt.value(0.12), alt.value(0.0)),
    )
    line = base.mark_line(strokeWidth=2).encode(
        y="accuracy:Q",
        strokeDash=style.dash(analysis),
        opacity=alt.condition(picked, alt.value(1.0), alt.value(0.08)),
    )
    points = (
        base.mark_point(filled=True, size=34)
        .encode(
            y="accuracy:Q",
            shape=style.shape(analysis),
            opacity=alt.condition(picked, alt.value(1.0), alt.value(0.08)),
            tooltip=[
                alt.Tooltip("series:N", title=analysis.compares),
                alt.Tooltip("epoch:Q", title="epoch"),
                alt.Tooltip("accuracy:Q", title=f"{images} accuracy (%)", format=".2f"),
                alt.Tooltip("std:Q", title="± std", format=".2f"),
                alt.Tooltip("loss:Q", title="training loss", format=".4f"),
            ],
        )
        .add_params(picked)
    )
    return Picture(
        name="learning-curves",
        title="Learning curves",
        caption=f"Accuracy on {images} images after each epoch of training, before the weights are programmed; "
        "the band is one standard deviation over seeds.",
        spec=style.faceted(alt.layer(band, line, points), analysis, frame),
    )
