"""Well-known networks: energy of a training step against the bits that it keeps."""

import altair as alt
import pandas as pd

from imc_grapes.experiment.footprint.footprint import Footprint
from imc_grapes.pictures import style
from imc_grapes.pictures.footprint.chosen import scales, shown_methods
from imc_grapes.pictures.footprint.words import bits_in_words, energy_in_words
from imc_grapes.pictures.picture import Picture

_ROW = 24


def networks_picture(footprint: Footprint) -> Picture:
    """One panel per network, one row per method: kept bits in words, energy with its range."""
    methods = shown_methods(footprint)
    labels, colours = scales(methods)
    frame = pd.DataFrame(
        {
            "network": name,
            "method": one.compared.label,
            "low": cost.total_energy_pJ.low / 1e6,
            "uJ": cost.total_energy_pJ.typical / 1e6,
            "high": cost.total_energy_pJ.high / 1e6,
            "energy": energy_in_words(cost.total_energy_pJ.typical),
            "kept": bits_in_words(cost.bits.state + cost.bits.accumulator),
        }
        for one in methods
        for name, cost in one.networks.items()
    )
    base = alt.Chart().encode(
        y=alt.Y("method:N", sort=labels, title=None, axis=alt.Axis(labelLimit=300)),
        color=alt.Color(
            "method:N", sort=labels, scale=alt.Scale(domain=labels, range=colours), legend=None
        ),
    )
    x = alt.X(
        "uJ:Q",
        title="energy of one training step (µJ)",
        scale=alt.Scale(type="log", padding=20),
        axis=alt.Axis(format=",~g"),
    )
    points = base.mark_point(filled=True, size=90, opacity=1).encode(
        x=x,
        tooltip=["network:N", "method:N", "energy:N", alt.Tooltip("kept:N", title="bits kept")],
    )
    ranges = base.mark_rule().encode(x="low:Q", x2="high:Q")
    kept = base.mark_text(align="left", dx=8, fontSize=11).encode(x="high:Q", text="kept:N")
    chart = (
        alt.layer(ranges, points, kept)
        .properties(width=style.WIDTH, height=_ROW * len(labels))
        .facet(row=alt.Row("network:N", sort=list(methods[0].networks)), data=alt.Data(values=[]))
        .resolve_scale(x="independent")
    )
    return Picture(
        name="networks",
        title="Well-known networks",
        caption="Energy of one training step (typical, low to high), and beside it the bits kept between updates. "
        "Compare rules on the same circuits.",
        spec=style.finished(chart, frame),
    )
