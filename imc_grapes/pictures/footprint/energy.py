"""Energy that a rule adds to one training step, and what for; rules on the same circuits side by side."""

from typing import Any

import altair as alt
import pandas as pd

from crossbar.costs import SHARED_PARTS, Interval
from imc_grapes.costs.methods import CIRCUITS, Circuits
from imc_grapes.experiment.footprint.footprint import Footprint
from imc_grapes.pictures import style
from imc_grapes.pictures.footprint.words import (
    energy_in_words,
    operands_in_words,
    prices_in_words,
    range_in_words,
    training_in_words,
)
from imc_grapes.pictures.picture import Picture

_PARTS = {
    "gradient again": "#56b4e9",
    "readout": "#009e73",
    "chi": "#0072b2",
    "optimizer": "#d55e00",
    "pulse generation": "#e69f00",
    "device pulses": "#cc79a7",
    "transfer": "#882255",
    "forward reads of A": "#8c6d31",
    "backward reads of A": "#bd9e39",
    "refresh": "#7b4fb3",
}
_ROW, _AMOUNTS, _PURPOSES = 26, 440, 170


def energy_picture(footprint: Footprint) -> Picture:
    """What a rule adds: how much, and what for, a row per rule; what every rule pays is a figure above the panels."""
    frame = pd.DataFrame(
        {
            "circuits": one.compared.method.update.kind,
            "method": one.compared.rule,
            "part": part,
            "order": list(_PARTS).index(part),
            "part_nJ": energy.typical / 1e3,
            "part_words": energy_in_words(energy.typical),
            "low": one.cost.own_energy_pJ.low / 1e3,
            "nJ": one.cost.own_energy_pJ.typical / 1e3,
            "high": one.cost.own_energy_pJ.high / 1e3,
            "words": f"{energy_in_words(one.cost.own_energy_pJ.typical)} of "
            f"{energy_in_words(one.cost.total_energy_pJ.typical)}",
        }
        for one in footprint.methods
        for part, energy in one.cost.energy_pJ.items()
        if part not in SHARED_PARTS
    )
    kinds = dict.fromkeys(one.compared.method.update.kind for one in footprint.methods)
    ends = [frame["low"].min() / 1.3, 14.0 * frame["high"].max()]
    shown = [part for part in _PARTS if part in set(frame["part"])]
    chart = alt.vconcat(*(_panels(footprint, kind, ends, shown) for kind in kinds), spacing=28)
    return Picture(
        name="update-energy",
        title="Energy that a rule adds to one training step",
        caption="Compare within a panel: there the circuits are the same, and so is what every rule pays (above it: "
        f"the analog reads and the digital outer product of {operands_in_words(footprint)}). Left, logarithmic: what "
        "the rule adds, of the whole step; points: typical constants, lines: all constants at their low and at "
        f"their high end. Right: what it is for. Pulses and conductances: {training_in_words(footprint)}; "
        f"{prices_in_words(footprint)}.",
        spec=style.finished(chart, frame),
    )


def _panels(footprint: Footprint, kind: Circuits, ends: list[float], shown: list[str]) -> Any:
    rules = list(
        dict.fromkeys(
            one.compared.rule
            for one in footprint.methods
            if one.compared.method.update.kind == kind
        )
    )
    axis = alt.Axis(labelLimit=300, ticks=False, grid=True)
    base = alt.Chart().transform_filter(f"datum.circuits == '{kind}'")
    once = base.transform_filter("datum.part == 'device pulses'").encode(
        y=alt.Y("method:N", sort=rules, title=None, axis=axis)
    )
    x = alt.X(
        "nJ:Q",
        title="the rule adds (nJ)",
        scale=alt.Scale(type="log", domain=ends, nice=False),
        axis=alt.Axis(format=",~g", values=[10.0**power for power in range(-2, 9)]),
    )
    amounts = alt.layer(
        once.mark_rule(color=style.FAINT_INK, strokeWidth=1.5).encode(x="low:Q", x2="high:Q"),
        once.mark_point(filled=True, size=70, opacity=1, color=style.INK).encode(
            x=x, tooltip=["method:N", "words:N"]
        ),
        once.mark_text(align="left", dx=6, fontSize=11.5, color=style.INK).encode(
            x="high:Q", text="words:N"
        ),
    )
    purposes = base.mark_bar(height={"band": 0.62}).encode(
        y=alt.Y("method:N", sort=rules, title=None, axis=None),
        x=alt.X(
            "part_nJ:Q",
            stack="normalize",
            title="share",
            axis=alt.Axis(format="%", values=[0, 0.5, 1], grid=False),
        ),
        color=alt.Color(
            "part:N",
            scale=alt.Scale(domain=shown, range=[_PARTS[part] for part in shown]),
            legend=alt.Legend(columns=5),
        ),
        order="order:Q",
        tooltip=["method:N", "part:N", alt.Tooltip("part_words:N", title="typical")],
    )
    height = _ROW * len(rules)
    return alt.hconcat(
        amounts.properties(width=_AMOUNTS, height=height),
        purposes.properties(width=_PURPOSES, height=height),
        spacing=14,
        title=alt.TitleParams(
            _heading(footprint, kind), fontSize=12.5, anchor="start", color=style.INK
        ),
    )


def _heading(footprint: Footprint, kind: Circuits) -> str:
    shared = [
        one.cost.shared_energy_pJ.typical
        for one in footprint.methods
        if one.compared.method.update.kind == kind
    ]
    low, high = energy_in_words(min(shared)), energy_in_words(max(shared))
    said = low if low == high else range_in_words(Interval(min(shared), max(shared), max(shared)))
    return f"{CIRCUITS[kind]}; every rule pays {said} beside it, for reads and outer product"
