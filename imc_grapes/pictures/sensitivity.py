"""What a network loses by each layer and each nonideality alone, the largest loss on top."""

from pathlib import Path

import altair as alt
import pandas as pd

from imc_grapes.config.hardware_words import with_compensation
from imc_grapes.evaluate.sensitivity import ALL
from imc_grapes.experiment.atomic_file import write_text
from imc_grapes.experiment.sensitivity import RunSensitivity
from imc_grapes.pictures import style
from imc_grapes.pictures.export import export
from imc_grapes.pictures.palette import BASELINE
from imc_grapes.pictures.picture import Picture
from imc_grapes.pictures.quantities import time_in_words
from imc_grapes.pictures.sensitivity_words import EVERYTHING, finding, name_of

_ROW = 24
_COLOURS = {
    EVERYTHING: BASELINE,
    "one nonideality, all layers": "#d55e00",
    "one layer, all nonidealities": "#0072b2",
}


def sensitivity_picture(found: RunSensitivity) -> Picture:
    """A bar per row of the table, with the standard deviation over the repeats."""
    metric = found.metric
    everything, of_nonideality, of_layer = _COLOURS
    frame = pd.DataFrame(
        {
            "name": name_of(row.layer, row.nonideality),
            "series": of_layer
            if row.layer != ALL
            else (everything if row.nonideality == ALL else of_nonideality),
            "loss": metric.shown(row.loss),
            "low": metric.shown(row.loss - row.std),
            "high": metric.shown(row.loss + row.std),
            "label": metric.number(row.loss, more_digits=1),
            "score": metric.number(row.score, row.std, more_digits=1),
        }
        for row in found.frame.itertuples()
    )
    there = [series for series in _COLOURS if series in set(frame["series"])]
    colours = alt.Scale(domain=there, range=[_COLOURS[series] for series in there])
    unit = f", {metric.difference_words}" if metric.unit else ""
    y = alt.Y("name:N", sort=list(frame["name"]), title=None, axis=alt.Axis(labelLimit=300))
    base = alt.Chart().encode(y=y)
    tooltip = [
        "name:N",
        alt.Tooltip("label:N", title="loss"),
        alt.Tooltip("score:N", title="score"),
    ]
    layers = alt.layer(
        base.mark_bar(height=_ROW - 9).encode(
            x=alt.X("loss:Q", title=f"test {metric.label} lost{unit}"),
            color=alt.Color("series:N", scale=colours),
            tooltip=tooltip,
        ),
        base.mark_rule(color=style.INK).encode(x="low:Q", x2="high:Q"),
        base.mark_text(align="left", dx=7, fontSize=11, color=style.INK).encode(
            x=alt.X("end:Q"), text="label:N"
        ),
    ).transform_calculate(end="max(datum.high, 0)")
    return Picture(
        "sensitivity",
        f"What the test {metric.label} of {found.name} suffers from",
        f"{finding(found)} {conditions(found)}; bars: mean of {found.repeats} "
        f"{'repeat' if found.repeats == 1 else 'repeats'}, lines: one standard deviation.",
        style.finished(layers.properties(width=style.WIDTH, height=_ROW * len(frame)), frame),
    )


def conditions(found: RunSensitivity) -> str:
    """Hardware, time and compensation of a table, and the score without devices, in words."""
    return (
        f"On {found.hardware}, {time_in_words(found.time_s)} after programming, "
        f"{with_compensation(found.compensation)}; without devices {found.metric.single(found.ideal)}"
    )


def write_sensitivity(found: RunSensitivity, folder: Path, as_json: str) -> list[Path]:
    """Write the picture, and the table as CSV and JSON, into `folder`; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    table, plain = folder / "sensitivity.csv", folder / "sensitivity.json"
    write_text(table, found.frame.to_csv(index=False))
    write_text(plain, f"{as_json}\n")
    return [table, plain, *export(sensitivity_picture(found), folder)]
