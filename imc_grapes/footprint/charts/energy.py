"""Energy of one update, stacked by part."""

import altair as alt
import pandas as pd

from imc_grapes.footprint.footprint import Footprint
from imc_grapes.footprint.words import energy_in_words
from imc_grapes.report.charts import style
from imc_grapes.vega.picture import Picture

_PARTS = {
    "gradient": "#c3c9d1",
    "readout": "#009e73",
    "chi": "#0072b2",
    "optimizer": "#d55e00",
    "pulse generation": "#e69f00",
    "device pulses": "#cc79a7",
    "refresh": "#7b4fb3",
}
_ROW = 26


def energy_picture(footprint: Footprint) -> Picture:
    """Typical energy by part; a line from the low to the high total."""
    labels = [one.compared.label for one in footprint.methods]
    parts = list(_PARTS)
    frame = pd.DataFrame(
        {
            "method": one.compared.label,
            "part": part,
            "order": parts.index(part),
            "uJ": energy.typical / 1e6,
            "words": energy_in_words(energy.typical),
            "low": one.cost.total_energy_pJ.low / 1e6,
            "high": one.cost.total_energy_pJ.high / 1e6,
            "total": energy_in_words(one.cost.total_energy_pJ.typical),
        }
        for one in footprint.methods
        for part, energy in one.cost.energy_pJ.items()
    )
    y = alt.Y("method:N", sort=labels, title=None, axis=alt.Axis(labelLimit=300, ticks=False))
    bars = (
        alt.Chart()
        .mark_bar(height={"band": 0.62})
        .encode(
            y=y,
            x=alt.X("uJ:Q", title="energy of one update (µJ)", axis=alt.Axis(tickCount=8)),
            color=alt.Color("part:N", scale=alt.Scale(domain=parts, range=list(_PARTS.values()))),
            order="order:Q",
            tooltip=["method:N", "part:N", alt.Tooltip("words:N", title="typical")],
        )
    )
    totals = alt.Chart().transform_filter("datum.part == 'device pulses'").encode(y=y)
    ranges = totals.mark_rule(color=style.INK, strokeWidth=1).encode(x="low:Q", x2="high:Q")
    words = totals.mark_text(align="left", dx=6, fontSize=11.5, color=style.INK).encode(
        x="high:Q", text="total:N"
    )
    chart = alt.layer(bars, ranges, words).properties(width=style.WIDTH, height=_ROW * len(labels))
    return Picture(
        name="update-energy",
        title="Energy of one update",
        caption="Bars: typical constants, by part. Lines: all constants at their low and at their high end. Forward "
        "and backward products are not included: they are the same for every method.",
        spec=style.finished(chart, frame),
    )
