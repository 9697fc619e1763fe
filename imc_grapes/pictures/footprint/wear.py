"""How the pulses of each rule spread over the devices, and how long the devices last."""

from itertools import pairwise

import altair as alt
import numpy as np
import pandas as pd

from imc_grapes.costs.methods import CIRCUITS
from imc_grapes.costs.wear import LIFETIME_ASSUMPTION
from imc_grapes.experiment.footprint.footprint import Footprint, MethodFootprint
from imc_grapes.pictures import style
from imc_grapes.pictures.footprint.words import endurance_in_words, training_in_words
from imc_grapes.pictures.picture import Picture
from imc_grapes.pictures.quantities import large_number

_ROW = 26


def wear_picture(footprint: Footprint) -> Picture:
    """A histogram per rule as a strip, its colour the share of the devices; beside it the lifetime."""
    rules = list(dict.fromkeys(one.compared.rule for one in footprint.methods))
    largest = max(int(one.host.wear.pulses.max()) for one in footprint.methods)
    edges = _edges(largest)
    names = [_name(first, past) for first, past in pairwise(edges)]
    frame = pd.DataFrame(
        {
            "circuits": CIRCUITS[one.compared.method.update.kind],
            "kind": one.compared.method.update.kind,
            "method": one.compared.rule,
            "pulses": name,
            "devices": int(devices),
            "share": devices / one.host.wear.pulses.size,
            "percent": 100.0 * devices / one.host.wear.pulses.size,
            "lasts": _lasts(one),
        }
        for one in footprint.methods
        for name, devices in zip(
            names, np.histogram(one.host.wear.pulses, bins=edges)[0], strict=True
        )
        if devices
    )
    y = alt.Y("method:N", sort=rules, title=None, axis=alt.Axis(labelLimit=300, ticks=False))
    strips = (
        alt.Chart()
        .mark_rect(stroke="white", strokeWidth=1)
        .encode(
            y=y,
            x=alt.X(
                "pulses:N",
                sort=names,
                scale=alt.Scale(domain=names),
                title=f"SET and RESET pulses of a device in {footprint.updates} updates",
                axis=alt.Axis(labelAngle=0),
            ),
            color=alt.Color(
                "percent:Q",
                scale=alt.Scale(type="log", scheme="blues", domain=[0.001, 100.0], clamp=True),
                legend=alt.Legend(
                    title="% of the devices",
                    orient="top",
                    values=[0.001, 0.01, 0.1, 1, 10, 100],
                    format="~g",
                    gradientLength=240,
                ),
            ),
            tooltip=["method:N", "pulses:N", "devices:Q"],
        )
    )
    words = (
        alt.Chart()
        .transform_aggregate(groupby=["method", "lasts", "circuits"])
        .mark_text(align="left", fontSize=11.5, color=style.INK)
        .encode(y=y, x=alt.value(style.WIDTH + 8), text="lasts:N")
    )
    chart = (
        alt.layer(strips, words)
        .properties(width=style.WIDTH, height=alt.Step(_ROW))
        .facet(
            row=alt.Row(
                "circuits:N",
                sort=list(CIRCUITS.values()),
                header=alt.Header(labelOrient="top", labelAnchor="start"),
            ),
            data=alt.Data(values=[]),
        )
        .resolve_scale(y="independent")
    )
    return Picture(
        name="wear",
        title="Pulses of each device",
        caption=f"Pulses: {training_in_words(footprint)}, refreshes included. Beside each rule: updates until the "
        f"device that had most is worn out, if it endures {endurance_in_words(footprint)}. Assumed: "
        f"{LIFETIME_ASSUMPTION}.",
        spec=style.finished(chart, frame),
    )


def _edges(largest: int) -> list[int]:
    """0, 1, 2, 3 to 4, 5 to 8, 9 to 16, ...: up to the largest number."""
    edges = [0, 1, 2, 3]
    while edges[-1] <= largest:
        edges.append(2 * (edges[-1] - 1) + 1)
    return edges


def _name(first: int, past: int) -> str:
    return str(first) if past == first + 1 else f"{first} - {past - 1}"


def _lasts(one: MethodFootprint) -> str:
    first = one.lifetime_updates
    if first is None:
        return "no pulse"
    return f"lasts {large_number(first.typical)} updates"
