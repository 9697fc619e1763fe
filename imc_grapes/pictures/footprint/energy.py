"""Energy of one training step, stacked by part, rules on the same circuits side by side."""

import altair as alt
import pandas as pd

from crossbar.costs import SHARED_PARTS
from imc_grapes.experiment.footprint.footprint import Footprint
from imc_grapes.experiment.footprint.methods import CIRCUITS
from imc_grapes.pictures import style
from imc_grapes.pictures.footprint.words import (
    energy_in_words,
    operands_in_words,
    training_in_words,
)
from imc_grapes.pictures.picture import Picture

_SHARED_COLOURS = dict(zip(SHARED_PARTS, ("#8d96a3", "#aab2bd", "#d3d8de"), strict=True))
_PARTS = _SHARED_COLOURS | {
    "gradient again": "#56b4e9",
    "readout": "#009e73",
    "chi": "#0072b2",
    "optimizer": "#d55e00",
    "pulse generation": "#e69f00",
    "device pulses": "#cc79a7",
    "transfer": "#009e73",
    "forward reads of A": "#8c6d31",
    "backward reads of A": "#bd9e39",
    "refresh": "#7b4fb3",
}
_ROW = 26


def energy_picture(footprint: Footprint) -> Picture:
    """Typical energy by part, one panel per kind of circuits; a line from the low to the high total."""
    rules = list(dict.fromkeys(one.compared.rule for one in footprint.methods))
    parts = list(_PARTS)
    frame = pd.DataFrame(
        {
            "circuits": CIRCUITS[one.compared.method.update.kind],
            "method": one.compared.rule,
            "part": part,
            "order": parts.index(part),
            "uJ": energy.typical / 1e6,
            "words": energy_in_words(energy.typical),
            "low": one.cost.total_energy_pJ.low / 1e6,
            "high": one.cost.total_energy_pJ.high / 1e6,
            "total": f"{energy_in_words(one.cost.total_energy_pJ.typical)}, of which the rule adds "
            f"{energy_in_words(one.cost.own_energy_pJ.typical)}",
        }
        for one in footprint.methods
        for part, energy in one.cost.energy_pJ.items()
    )
    y = alt.Y("method:N", sort=rules, title=None, axis=alt.Axis(labelLimit=300, ticks=False))
    bars = (
        alt.Chart()
        .mark_bar(height={"band": 0.62})
        .encode(
            y=y,
            x=alt.X("uJ:Q", title="energy of one training step (µJ)", axis=alt.Axis(tickCount=8)),
            color=alt.Color(
                "part:N",
                scale=alt.Scale(domain=parts, range=list(_PARTS.values())),
                legend=alt.Legend(columns=5),
            ),
            order="order:Q",
            tooltip=["method:N", "part:N", alt.Tooltip("words:N", title="typical")],
        )
    )
    totals = alt.Chart().transform_filter("datum.part == 'device pulses'").encode(y=y)
    ranges = totals.mark_rule(color=style.INK, strokeWidth=1).encode(x="low:Q", x2="high:Q")
    words = totals.mark_text(align="left", dx=6, fontSize=11.5, color=style.INK).encode(
        x="high:Q", text="total:N"
    )
    chart = (
        alt.layer(bars, ranges, words)
        .properties(width=style.WIDTH, height=alt.Step(_ROW))
        .facet(row=alt.Row("circuits:N", sort=list(CIRCUITS.values())), data=alt.Data(values=[]))
        .resolve_scale(y="independent")
    )
    return Picture(
        name="update-energy",
        title="Energy of one training step",
        caption="Compare within a panel: there the circuits are the same. Grey: what every rule pays, the analog reads "
        f"and the digital outer product of {operands_in_words(footprint)}; colours: what the rule adds. Bars: typical "
        "constants; lines: all constants at their low and at their high end. Pulses and conductances: "
        f"{training_in_words(footprint)}.",
        spec=style.finished(chart, frame),
    )
