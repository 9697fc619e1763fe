"""What goes through a network over time: how often its units fire, and what the reads of its weights cost by events."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from crossbar.analog_product import converter_bits
from crossbar.array_layers.layer import ArrayLayer
from crossbar.costs import Interval
from crossbar.costs.event_read import event_read_pJ
from crossbar.placement import placed_tiles
from imc_grapes.data.chorales import Chorales
from imc_grapes.data.samples import Samples
from imc_grapes.data.words import Words
from imc_grapes.layers.incoming_weights import gates, is_analog, is_unit_layer
from imc_grapes.objectives.evaluation_mode import evaluation_mode
from imc_grapes.objectives.objective import Task

_AT_ONCE: dict[type, int] = {Chorales: 1, Words: 10}
_IMAGES_AT_ONCE = 100


@dataclass(frozen=True)
class SignalActivity:
    """Means over all time steps of all samples."""

    spikes_per_step: dict[str, float]
    """Layer of spiking units to the spikes of a unit in a time step; soft units send none and are left out."""
    read_energy_pJ_per_step: dict[str, float] | None
    """Low, typical, high estimate for all weight matrices together, with the conductances of PCM tiles as they are and
    with the constants' assumption elsewhere; None for a network without time."""


@dataclass
class _Counter:
    """What has gone into one weight matrix, or come out of one layer of units."""

    n_out: int
    arrays: dict[str, Any] = field(default_factory=dict)
    """What is known of the arrays that hold the matrix, as arguments of `event_read_pJ`."""
    steps: int = 0
    """Vectors."""
    entries: int = 0
    driven: int = 0
    """Entries that were not zero."""
    total: float = 0.0
    """Sum of the absolute entries, cut at full scale."""

    def add(self, signal: Tensor) -> None:
        self.steps += signal[..., 0].numel()
        self.entries += signal.numel()
        self.driven += int((signal != 0).sum())
        self.total += float(signal.abs().clamp(max=1.0).sum())

    def energy(self) -> Interval:
        return event_read_pJ(
            self.n_out, self.driven / self.steps, self.total / self.steps, **self.arrays
        )


@dataclass
class _Watcher:
    """Forward hook of one layer over time, or of a readout."""

    into: list[_Counter]
    """One per weight matrix: the input's, and the recurrent one's if there is one."""
    out: _Counter = field(default_factory=lambda: _Counter(0))

    def __call__(self, layer: nn.Module, args: tuple[Tensor, ...], result: Any) -> None:
        signal = args[0]
        self.into[0].add(signal)
        if isinstance(result, tuple):
            self.out.add(result[0])
        if len(self.into) > 1:
            # What comes back in a step is the output of the step before; in the first, nothing.
            fed_back = torch.cat((torch.zeros_like(result[0][:1]), result[0][:-1]))
            self.into[1].add(fed_back)


def measure_activity(model: nn.Module, task: Task, samples: Samples) -> SignalActivity:
    """Feed `samples` to a network over time and count; a network without time is not fed at all.

    Chorales go one by one, so that no padding counts; a text goes as 10 streams, as it does for its perplexity.
    """
    watchers = dict(_watchers(model.named_modules()))
    if not any(
        isinstance(module, nn.RNNBase) or is_unit_layer(module) for module in model.modules()
    ):
        return SignalActivity({}, None)
    handles = [
        model.get_submodule(name).register_forward_hook(watcher)
        for name, watcher in watchers.items()
    ]
    carry = None
    try:
        with evaluation_mode(model):
            for batch in samples.batches(_AT_ONCE.get(type(samples), _IMAGES_AT_ONCE), None):
                carry = task.loss(model, batch, carry).carry
    finally:
        for handle in handles:
            handle.remove()
    energy = sum((counter.energy() for w in watchers.values() for counter in w.into), Interval())
    spikes = {
        name: watcher.out.total / watcher.out.entries
        for name, watcher in watchers.items()
        if getattr(model.get_submodule(name), "fires", False)
    }
    return SignalActivity(spikes, energy.as_dict())


def _watchers(modules: Iterable[tuple[str, nn.Module]]) -> Iterable[tuple[str, _Watcher]]:
    inside: tuple[str, ...] = ()
    for name, module in modules:
        if name.startswith(inside):
            continue
        if is_unit_layer(module):
            inside = (*inside, f"{name}.")
            columns = gates(module) * int(module.hidden_size)  # type: ignore[arg-type]
            parts = module.incoming_weights()  # type: ignore[operator]
            yield name, _Watcher([_Counter(columns, _arrays(part)) for part in parts])
        elif isinstance(module, nn.RNNBase):
            columns = gates(module) * module.hidden_size
            yield name, _Watcher([_Counter(columns), _Counter(columns)])
        elif is_analog(module) or isinstance(module, nn.Linear):
            columns = int(module.out_features)  # type: ignore[arg-type]
            yield name, _Watcher([_Counter(columns, _arrays(module))])


def _arrays(part: nn.Module) -> dict[str, Any]:
    """Devices and converters as they are on PCM tiles, arrays and converters of layers that are trained in software;
    elsewhere the assumptions of the constants hold."""
    if isinstance(part, ArrayLayer):
        config = part.config
        return {
            "sharing": config.array.devices_per_polarity,
            "row_arrays": len(part.blocks.row_blocks),
            "column_arrays": len(part.blocks.column_blocks),
            **_adc(config.forward),
        }
    if not is_analog(part):
        return {}
    placed = list(placed_tiles(part))
    if not all(hasattr(one.tile, "g_plus") for one in placed):
        return {}
    devices = np.concatenate(
        [g.reshape(-1) for one in placed for g in (one.tile.g_plus, one.tile.g_minus)]
    )
    arrays: dict[str, Any] = {
        "mean_g_uS": float(devices.mean()),
        "sharing": placed[0].tile.tile.devices.sharing,
        "row_arrays": len({one.rows.start for one in placed}),
        "column_arrays": len({one.columns.start for one in placed}),
    }
    return arrays | _adc(placed[0].tile.rpu_config.forward)


def _adc(io: Any) -> dict[str, int]:
    bits = None if io.is_perfect else converter_bits(io.out_res)
    return {} if bits is None else {"adc_bits": bits}
