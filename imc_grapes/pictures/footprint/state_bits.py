"""Bits of each method: what it keeps, and what it uses during an update."""

import altair as alt
import pandas as pd

from imc_grapes.experiment.footprint.footprint import Footprint
from imc_grapes.pictures import style
from imc_grapes.pictures.footprint.words import bits_in_words
from imc_grapes.pictures.picture import Picture

_KINDS = {
    "optimizer state": "#d55e00",
    "chi": "#0072b2",
    "registers, during an update": "#009e73",
    "tables": "#aab2bd",
}
_ROW = 24


def state_bits_picture(footprint: Footprint) -> Picture:
    """A point per kind of memory and method; a kind that is not there has no point, and no state is said so."""
    labels = [one.compared.label for one in footprint.methods]
    frame = pd.DataFrame(
        {"method": one.compared.label, "kind": kind, "bits": bits, "words": bits_in_words(bits)}
        for one in footprint.methods
        for kind, bits in zip(
            _KINDS,
            (
                one.cost.bits.state,
                one.cost.bits.accumulator,
                one.cost.bits.registers,
                one.cost.bits.tables,
            ),
            strict=True,
        )
        if bits
    )
    keepers = set(frame[frame["kind"].isin(["optimizer state", "chi"])]["method"])
    frame["keeps_nothing"] = ~frame["method"].isin(keepers)
    kinds = list(_KINDS)
    y = alt.Y("method:N", sort=labels, title=None, axis=alt.Axis(labelLimit=300, grid=True))
    points = (
        alt.Chart()
        .mark_point(filled=True, size=95, opacity=1)
        .encode(
            y=y,
            x=alt.X(
                "bits:Q",
                title="bits",
                scale=alt.Scale(type="log", nice=True),
                axis=alt.Axis(format="~s"),
            ),
            color=alt.Color("kind:N", scale=alt.Scale(domain=kinds, range=list(_KINDS.values()))),
            shape=alt.Shape(
                "kind:N",
                scale=alt.Scale(domain=kinds, range=["circle", "square", "diamond", "cross"]),
            ),
            tooltip=["method:N", "kind:N", alt.Tooltip("words:N", title="bits")],
        )
    )
    nothing = (
        alt.Chart()
        .transform_filter("datum.keeps_nothing && datum.kind == 'tables'")
        .mark_text(align="right", dx=-6, color=style.FAINT_INK, fontSize=11.5)
        .encode(y=y, x=alt.value(style.WIDTH), text=alt.value("keeps 0 bits"))
    )
    chart = alt.layer(points, nothing).properties(width=style.WIDTH, height=_ROW * len(labels))
    return Picture(
        name="update-bits",
        title="Bits of the update circuits",
        caption="Logarithmic axis. State and chi are kept from one update to the next; registers serve one update.",
        spec=style.finished(chart, frame),
    )
