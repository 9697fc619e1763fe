"""Bits kept and energy of a training step, over the size of a square layer."""

import altair as alt
import pandas as pd

from imc_grapes.experiment.footprint.footprint import Footprint
from imc_grapes.pictures import style
from imc_grapes.pictures.footprint.chosen import scales, shown_methods
from imc_grapes.pictures.picture import Picture

_PANEL = 330
_TICKS = [64, 256, 1024, 4096, 16384]


def scaling_picture(footprint: Footprint) -> Picture:
    """One line per method; those that keep nothing are missing among the bits, and their registers are drawn dashed."""
    methods = shown_methods(footprint)
    labels, colours = scales(methods)
    frame = pd.DataFrame(
        {
            "method": one.compared.label,
            "size": size,
            "bits": (cost.bits.state + cost.bits.accumulator) or cost.bits.registers,
            "what": "kept" if cost.bits.state + cost.bits.accumulator else "registers",
            "uJ": cost.total_energy_pJ.typical / 1e6,
        }
        for one in methods
        for size, cost in one.squares.items()
    )
    base = alt.Chart().encode(
        x=alt.X(
            "size:Q",
            title="inputs and outputs of the layer",
            scale=alt.Scale(type="log", base=2, nice=False),
            axis=alt.Axis(values=_TICKS, format=",d", labelFlush=False),
        ),
        color=alt.Color(
            "method:N",
            sort=labels,
            scale=alt.Scale(domain=labels, range=colours),
            legend=alt.Legend(columns=3, labelLimit=300),
        ),
    )
    bits = base.mark_line(point=True).encode(
        y=alt.Y("bits:Q", title="bits", scale=alt.Scale(type="log"), axis=alt.Axis(format="~s")),
        strokeDash=alt.StrokeDash(
            "what:N",
            scale=alt.Scale(domain=["kept", "registers"], range=[[1, 0], [4, 4]]),
            legend=None,
        ),
    )
    energy = base.mark_line(point=True).encode(
        y=alt.Y(
            "uJ:Q",
            title="energy of one training step (µJ)",
            scale=alt.Scale(type="log"),
            axis=alt.Axis(format=",~g"),
        )
    )
    chart = alt.hconcat(
        bits.properties(width=_PANEL, height=_PANEL), energy.properties(width=_PANEL, height=_PANEL)
    )
    return Picture(
        name="scaling",
        title="Square layers",
        caption="Left: bits kept between updates (lines), or, for methods that keep none, their registers (dashed). "
        "Right: typical energy. Pulses per weight as counted on the config's own network.",
        spec=style.finished(chart, frame),
    )
