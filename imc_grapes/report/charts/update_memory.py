"""Update memory of each method: what it keeps from one weight update to the next."""

import altair as alt
import pandas as pd

from imc_grapes.pictures import style
from imc_grapes.pictures.picture import Picture
from imc_grapes.pictures.quantities import bytes_in_words
from imc_grapes.report.analysis import Analysis
from imc_grapes.report.charts import encodings
from imc_grapes.report.statistics import MethodResult


def update_memory_picture(analysis: Analysis, results: list[MethodResult]) -> Picture | None:
    """The picture; None where there are not several methods to compare."""
    if analysis.compares != "method" or len(analysis.series) < 2:
        return None
    largest = {
        name: max((one.state_bytes for one in results if one.series == name), default=0)
        for name in analysis.series
    }
    frame = pd.DataFrame(
        {"series": name, "kib": count / 1024, "words": bytes_in_words(count)}
        for name, count in largest.items()
    )
    base = alt.Chart().encode(
        y=alt.Y(
            "series:N", sort=analysis.series, title=None, axis=alt.Axis(ticks=False, domain=False)
        ),
        x=alt.X(
            "kib:Q",
            title="optimizer state kept between updates (KiB)",
            axis=alt.Axis(tickCount=8),
            scale=alt.Scale(domain=[0, 1.25 * max(frame["kib"].max(), 0.1)], nice=False),
        ),
    )
    bars = base.mark_bar(cornerRadiusEnd=3, height={"band": 0.62}).encode(
        color=encodings.colour(analysis).legend(None),
        tooltip=[
            alt.Tooltip("series:N", title="method"),
            alt.Tooltip("words:N", title="update state"),
        ],
    )
    labels = base.mark_text(align="left", dx=6, fontSize=12.5, color=style.INK).encode(
        text="words:N"
    )
    chart = alt.layer(bars, labels).properties(width=style.WIDTH, height=38 * len(frame))
    return Picture(
        name="update-memory",
        title="Update memory per method",
        caption=(
            "Bytes of the tensors that the optimizer really held after a step, on the host in 32-bit floats. "
            "GRAPES computes its factors anew from the conductances at every update and keeps nothing."
        ),
        spec=style.finished(chart, frame),
    )
