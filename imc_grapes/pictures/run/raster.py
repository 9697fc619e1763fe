"""What comes into every layer of units, what its units send, and the membrane potentials behind it, for one input."""

from typing import Any

import altair as alt
import pandas as pd
from torch import Tensor, nn

from imc_grapes.layers.incoming_weights import is_unit_layer
from imc_grapes.pictures.picture import Picture
from imc_grapes.pictures.run.chart import finished, records

_WIDTH = 620
_POTENTIALS_SHOWN = 4
_SPIKE, _THRESHOLD = "#1f2733", "#d55e00"


def raster_picture(model: nn.Module, sample: Tensor) -> Picture:
    """Raster of inputs and units, layer by layer, and the potentials of the most active units of the first.

    Args:
        model: with layers of units; in evaluation mode.
        sample: one input, in a batch of its own.
    """
    layers = {name: module for name, module in model.named_modules() if is_unit_layer(module)}
    inputs: dict[str, Tensor] = {}
    handles = [
        module.register_forward_pre_hook(_remember(inputs, name)) for name, module in layers.items()
    ]
    try:
        model(sample)
    finally:
        for handle in handles:
            handle.remove()
    first = next(iter(layers))
    charts = [_raster(inputs[first][:, 0], "inputs")]
    for index, (name, layer) in enumerate(layers.items()):
        outputs, states, _ = layer.trace(inputs[name])
        charts.append(_raster(outputs[:, 0], f"layer {index + 1}"))
        if name == first:
            potentials = _potentials(outputs[:, 0], states[:, 0], layer.bias.detach())
    charts.append(potentials)
    chart = alt.vconcat(*charts, spacing=16).resolve_scale(x="shared", color="independent")
    return Picture(
        "raster",
        "Spikes and membrane potentials",
        "One test sample: what enters, when every unit fires, and the states of the most active units of the first "
        "layer with their thresholds, minus the bias.",
        finished(chart),
    )


def _remember(inputs: dict[str, Tensor], name: str) -> Any:
    def hook(layer: nn.Module, args: tuple[Tensor, ...]) -> None:
        inputs[name] = args[0].detach()

    return hook


def _raster(signal: Tensor, title: str) -> alt.Chart:
    """Signal ``[time, rows]``: a tick where it is not zero, as dark as it is large."""
    steps, rows = signal.nonzero(as_tuple=True)
    frame = pd.DataFrame(
        {"step": steps.tolist(), "row": rows.tolist(), "value": signal[steps, rows].tolist()}
    )
    return (
        alt.Chart(records(frame), width=_WIDTH, height=max(50, min(190, signal.shape[1])))
        .mark_tick(orient="vertical", thickness=2, color=_SPIKE, height=3)
        .encode(
            alt.X("step:Q", title=None, scale=alt.Scale(domain=[0, len(signal)], nice=False)),
            alt.Y("row:Q", title=title, scale=alt.Scale(domain=[0, signal.shape[1]], nice=False)),
            alt.Opacity("value:Q", scale=alt.Scale(domain=[0, 1], range=[0, 1]), legend=None),
        )
    )


def _potentials(outputs: Tensor, states: Tensor, bias: Tensor) -> alt.VConcatChart:
    most_active = outputs.sum(0).topk(min(_POTENTIALS_SHOWN, outputs.shape[1])).indices.tolist()
    steps = list(range(len(states)))
    charts = []
    for unit in most_active:
        frame = pd.DataFrame({"step": steps, "s": states[:, unit].tolist()})
        line = alt.Chart(records(frame)).mark_line(
            strokeWidth=1.5, color=_SPIKE, interpolate="step"
        )
        level = alt.Chart(records(pd.DataFrame({"threshold": [-float(bias[unit])]})))
        last = unit == most_active[-1]
        charts.append(
            alt.layer(
                line.encode(
                    alt.X(
                        "step:Q",
                        title="time step" if last else None,
                        scale=alt.Scale(domain=[0, len(states)], nice=False),
                    ),
                    alt.Y("s:Q", title=f"unit {unit}"),
                ),
                level.mark_rule(color=_THRESHOLD, strokeDash=[5, 3]).encode(alt.Y("threshold:Q")),
            ).properties(width=_WIDTH, height=60)
        )
    return alt.vconcat(*charts, spacing=6)
