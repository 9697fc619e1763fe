"""A chorale, what the network expected of it, and what it composes by itself."""

import altair as alt
import pandas as pd
from torch import Tensor

from imc_grapes.data.chorales import LOWEST_MIDI_NOTE
from imc_grapes.pictures.picture import Picture
from imc_grapes.pictures.run.chart import finished, records

_WIDTH, _HEIGHT = 620, 170
_LOWEST, _HIGHEST = 42, 98
"""A little more than the chorales of this collection use: 43 to 96."""
_FAINTEST = 0.02
_INK, _PRIMER = "#0072b2", "#d55e00"


def piano_roll_picture(
    chorale: Tensor, predicted: Tensor, composed: Tensor, primer_steps: int
) -> Picture:
    """Three piano rolls, one above the other.

    Args:
        chorale: ``[time, 88]`` of zeros and ones.
        predicted: probability of every note, given the steps before it, of the same shape.
        composed: ``[time, 88]`` of zeros and ones, the primer first.
        primer_steps: steps of `composed` that the network was given.
    """
    end = alt.Chart(records(pd.DataFrame({"step": [primer_steps]})))
    rule = end.mark_rule(color=_PRIMER, strokeDash=[5, 3]).encode(alt.X("step:Q"))
    chart = alt.vconcat(
        _roll(chorale, "chorale"),
        _roll(predicted, "expected"),
        _roll(composed, "composed") + rule,
        spacing=14,
    )
    return Picture(
        "piano_roll",
        "A chorale, what the network expected, what it composes",
        "Top: a test chorale. Middle: the probability that the network gave each note one step before. Bottom: after "
        f"{primer_steps} steps of the chorale (dashed line) the network goes on with chords drawn from its own "
        "expectations.",
        finished(chart),
    )


def _roll(roll: Tensor, title: str) -> alt.Chart:
    steps, keys = (roll >= _FAINTEST).nonzero(as_tuple=True)
    frame = pd.DataFrame(
        {
            "step": steps.tolist(),
            "end": (steps + 1).tolist(),
            "note": (keys + LOWEST_MIDI_NOTE).tolist(),
            "above": (keys + LOWEST_MIDI_NOTE + 1).tolist(),
            "probability": roll[steps, keys].tolist(),
        }
    )
    return (
        alt.Chart(records(frame), width=_WIDTH, height=_HEIGHT)
        .mark_rect(color=_INK, clip=True)
        .encode(
            alt.X("step:Q", title=None, scale=alt.Scale(domain=[0, len(roll)], nice=False)),
            alt.X2("end:Q"),
            alt.Y(
                "note:Q",
                title=f"{title}, MIDI note",
                scale=alt.Scale(domain=[_LOWEST, _HIGHEST], nice=False),
            ),
            alt.Y2("above:Q"),
            alt.Opacity("probability:Q", scale=alt.Scale(domain=[0, 1], range=[0, 1]), legend=None),
        )
    )
