"""How the pulses of a run spread over its devices."""

from math import ceil

import altair as alt
import numpy as np
import pandas as pd

from crossbar.costs import constant
from imc_grapes.costs.wear import DevicePulses, Pulses
from imc_grapes.pictures.picture import Picture
from imc_grapes.pictures.quantities import large_number
from imc_grapes.pictures.run.chart import finished, records
from imc_grapes.pictures.style import FAINT_INK, INK
from imc_grapes.summary import Wear

_WIDTH, _HEIGHT = 290, 250
_BINS = 40
_COLOURS = {"SET": "#0072b2", "RESET": "#d55e00"}
_LEAST = 0.5
"""Devices at which the logarithmic axis begins, so that a bin of one is seen."""


def wear_picture(pulses: DevicePulses, wear: Wear) -> Picture:
    """A histogram of SET and one of RESET pulses per device, with mean and largest number.

    Args:
        pulses: of every device.
        wear: the same as the summary has it.
    """
    said = _lifetime(wear)
    title = alt.TitleParams(
        said, fontSize=12.5, fontWeight="normal", color=INK, anchor="start", offset=14
    )
    panels = alt.hconcat(
        _panel("SET", pulses.set_pulses), _panel("RESET", pulses.reset_pulses), spacing=36
    )
    return Picture(
        "wear",
        "Pulses of each device",
        f"{pulses.set_pulses.size:,} devices after {wear.updates:,} updates, refreshes and writes included; dashed: "
        f"the mean; logarithmic vertical axis. {' '.join(said)}. Assumed: {wear.lifetime_assumption}.",
        finished(panels.properties(title=title)),
    )


def _panel(kind: str, pulses: Pulses) -> alt.LayerChart:
    width = max(1, ceil((int(pulses.max()) + 1) / _BINS))
    counts = np.bincount(pulses // width)
    # A bin of one number has it in its middle.
    frame = pd.DataFrame({"from": np.arange(counts.size) * width - 0.5, "devices": counts})
    frame = frame[frame["devices"] > 0].assign(least=_LEAST)
    frame["to"] = frame["from"] + width
    words = f"{width} pulses" if width > 1 else "pulse"
    x = alt.X("from:Q", title=f"{kind} pulses of a device", scale=alt.Scale(nice=False, zero=False))
    bars = (
        alt.Chart(records(frame))
        .mark_rect(color=_COLOURS[kind], stroke="white", strokeWidth=0.5)
        .encode(
            x,
            alt.X2("to:Q"),
            alt.Y(
                "devices:Q",
                title=f"devices per {words}",
                scale=alt.Scale(type="log", domain=[_LEAST, 1.4 * int(counts.max())]),
                axis=alt.Axis(format="~s", values=[10**power for power in range(10)]),
            ),
            alt.Y2("least:Q"),
            tooltip=["from:Q", "to:Q", "devices:Q"],
        )
    )
    mean = float(pulses.mean())
    marked = alt.Chart(records(pd.DataFrame({"from": [mean]})))
    said = f"{kind}: mean {mean:.3g}, most {int(pulses.max()):,}"
    return alt.layer(bars, marked.mark_rule(color=INK, strokeDash=[4, 3]).encode(x)).properties(
        width=_WIDTH,
        height=_HEIGHT,
        title=alt.TitleParams(said, fontSize=12.5, fontWeight="normal", color=FAINT_INK),
    )


def _lifetime(wear: Wear) -> list[str]:
    endurance = constant("endurance_writes")
    first, mean = wear.lifetime_updates_largest, wear.lifetime_updates_mean
    if first is None or mean is None:
        return ["No pulse came with an update"]
    return [
        f"At this rate the device with most pulses is worn out after {large_number(first.typical)} updates, a mean one "
        f"after {large_number(mean.typical)},",
        f"if it endures {large_number(endurance.typical)} writes; with {large_number(endurance.high)} to "
        f"{large_number(endurance.low)}, the first one after {large_number(first.low)} to "
        f"{large_number(first.high)}",
    ]
