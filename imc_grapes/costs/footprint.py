"""What training a model of one's own takes on the chip, by every update rule."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import nan
from typing import Any

import pandas as pd
from torch import Tensor, nn

from crossbar import PCMTile
from crossbar.analog_product import converter_bits
from crossbar.array_layers import is_array_layer
from crossbar.costs import ArrayLimits, Method, UpdateCost, network_cost, prices
from crossbar.costs.operations import ADC_BITS_OF_EXACT
from crossbar.readout import ColumnCurrent, Readout
from crossbar.rules import RULES
from crossbar.specs import OptimizerSpec
from imc_grapes.costs.methods import Circuits, circuits_of, compared, rule_of, usual_learning_rate
from imc_grapes.costs.tile_activity import LayerUses, activity_since, tile_counters
from imc_grapes.costs.wear import DevicePulses, count_wear, device_pulses, lifetime_updates
from imc_grapes.grapes import Grapes
from imc_grapes.rules import optimizer
from kernels.errors import InputError


def footprint(
    model: nn.Module,
    batch: tuple[Any, ...],
    loss: Callable[..., Tensor],
    *,
    learning_rates: Mapping[str, float] | None = None,
    readout: Readout | None = None,
    updates: int = 20,
    after: int = 0,
    constants: Mapping[str, Any] | None = None,
    node_nm: int | None = None,
) -> pd.DataFrame:
    """Train copies of a model by every update rule for a few updates, count what happens, and price it.

    Every rule is compared with the others on the same circuits: those that keep nothing on pulses, all on the digital
    accumulator, GRAPES on both, and sgd with a second array (tiki_taka, ttv2); all again on the model's own circuits
    where those have one. Energies and times are those of one training step with its reads, from the constants of
    `crossbar.costs`; `own_energy_pJ` is what the rule itself takes of them.

    Args:
        model: on PCM tiles, with or without digital parameters beside them; it stays as it is.
        batch: inputs, and the target as the last entry; the first axis of the first input counts the samples.
        loss: called as ``loss(model(*inputs), target)``; a scalar to go back through.
        learning_rates: by the names of rules and ``grapes``; what is left out takes a usual one. They decide how many
            pulses an update fires.
        readout: the circuit that GRAPES reads its factors by; an 8-bit ``ColumnCurrent`` by default.
        updates: of each rule, whose pulses are counted.
        after: updates before those; the first ones of a training fire the most pulses.
        constants: by their names, in place of those of `crossbar.costs`: each a mapping with low, typical, high, unit
            and source, as in its file; None for all of the file's.
        node_nm: technology node that energies of digital circuits are scaled to: 65, 45, 40, 32, 22, 14 or 7; None for
            14. Devices, converters, times, areas and what is in `constants` are not scaled.

    Returns:
        A row per rule and circuits: *method*, *circuits*, *learning_rate*, *state_bits* (kept between updates by the
        rule; the accumulator's are in *accumulator_bits*), *devices* (both polarities, of both
        arrays where there are two), *energy_pJ* with *energy_low_pJ* and *energy_high_pJ*, *own_energy_pJ*, *time_ns*,
        *area_um2* (of the memory and the second array that are added),
        *set_pulses_per_device* and *reset_pulses_per_device* (of one update on average, refresh included),
        *largest_pulses_per_device* (both, of the device that gets most), and *lifetime_updates*: until that device is
        worn out at a typical endurance, if every pulse counts as a write and the training goes on at this rate
        (*lifetime_low_updates* and *lifetime_high_updates*: at the lowest and highest that are published); NaN where
        it gets no pulse.

    Raises:
        InputError: the model lies on no PCM tiles, or on some that are never read; a rule, a constant or the node is
            unknown, or a constant has no source; the training diverges.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from imc_grapes import PCMConfig, footprint, to_crossbar
        >>> net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
        >>> model = to_crossbar(net, PCMConfig(array={"weight_range": "auto"}, seed=0))
        >>> batch = torch.randn(32, 8), torch.arange(32) % 4
        >>> frame = footprint(model, batch, nn.functional.cross_entropy, updates=2).set_index(["circuits", "method"])
        >>> [int(bits) for bits in frame.loc["accumulated"]["state_bits"].loc[["sgd", "grapes", "momentum", "adam"]]]
        [0, 0, 6144, 12288]
    """
    tiles = [module for module in model.modules() if isinstance(module, PCMTile)]
    _check(model, tiles, batch, learning_rates, updates, after)
    given = dict(learning_rates or {})
    circuit = readout or ColumnCurrent(adc_bits=8)
    rows = []
    with prices(constants, node_nm):
        for circuits, name in compared(tiles[0].rpu_config.update, modulated=("grapes",)):
            lr = given.get(name, usual_learning_rate(name, circuits))
            cost, wear = _priced(
                model, batch, loss, name, circuits, lr, circuit, updates=updates, after=after
            )
            energy, lifetime = cost.total_energy_pJ, lifetime_updates(wear.most_per_update)
            rows.append(
                {
                    "method": name,
                    "circuits": circuits,
                    "learning_rate": lr,
                    "state_bits": cost.bits.state,
                    "accumulator_bits": cost.bits.accumulator,
                    "devices": wear.pulses.size,
                    "energy_pJ": energy.typical,
                    "energy_low_pJ": energy.low,
                    "energy_high_pJ": energy.high,
                    "own_energy_pJ": cost.own_energy_pJ.typical,
                    "time_ns": cost.time_ns.typical,
                    "area_um2": cost.area_um2.typical,
                    "set_pulses_per_device": wear.set_per_update,
                    "reset_pulses_per_device": wear.reset_per_update,
                    "largest_pulses_per_device": wear.most_per_update,
                    "lifetime_updates": lifetime.typical if lifetime else nan,
                    "lifetime_low_updates": lifetime.low if lifetime else nan,
                    "lifetime_high_updates": lifetime.high if lifetime else nan,
                }
            )
    return pd.DataFrame(rows)


def _priced(
    model: nn.Module,
    batch: tuple[Any, ...],
    loss: Callable[..., Tensor],
    name: str,
    circuits: Circuits,
    lr: float,
    readout: Readout,
    *,
    updates: int,
    after: int,
) -> tuple[UpdateCost, DevicePulses]:
    """The cost of a step, and the pulses of each device in the updates that are counted."""
    rule = rule_of(name)
    own = copy.deepcopy(model).train()
    tiles = [module for module in own.modules() if isinstance(module, PCMTile)]
    configured = tiles[0].configured_optimizer
    constants = configured.given if configured.name == rule else {}
    for tile in tiles:
        update = circuits_of(tile.rpu_config.update, circuits)
        tile.set_update(type(update).of({**dict(update), "optimizer": "sgd"}))
        tile.configured_optimizer = OptimizerSpec()
    stepping = optimizer(own, rule, lr, **constants)
    grapes = Grapes(own, readout=readout) if name == "grapes" else None
    uses = LayerUses(own)
    for index in range(after + updates):
        if index == after:
            counted = tile_counters(own)
            count_wear(own)
        stepping.zero_grad()
        try:
            loss(own(*batch[:-1]), batch[-1]).backward()
            stepping.step()
        except FloatingPointError as error:
            raise InputError(
                f"learning_rates: {name} on {circuits} circuits at {lr:g}: {error}; give it a smaller one"
            ) from None
        uses.stop()
    samples = len(batch[0])
    layers = uses.shapes(samples, tuple(grapes.factors()) if grapes else ())
    activity = activity_since(own, counted)
    array, io = tiles[0].rpu_config.array, tiles[0].rpu_config.forward
    adc_bits = (None if io.is_perfect else converter_bits(io.out_res)) or ADC_BITS_OF_EXACT
    arrays = ArrayLimits(array.rows, array.columns, array.devices_per_polarity, adc_bits)
    chosen = {"name": rule, **constants}
    circuit = tiles[0].rpu_config.update
    spec = type(circuit).of({**dict(circuit), "optimizer": chosen})
    priced: dict[str, Any] = {"name": name, "update": spec}
    if grapes:
        priced["readout"] = readout
    cost = network_cost(layers, Method.of(priced), samples, activity, arrays)
    wear = device_pulses(own)
    assert wear is not None
    return cost, replace(wear, updates=updates)


def _check(
    model: nn.Module,
    tiles: list[PCMTile],
    batch: Any,
    learning_rates: Mapping[str, float] | None,
    updates: int,
    after: int,
) -> None:
    if not tiles and any(is_array_layer(module) for module in model.modules()):
        raise InputError(
            "model: its weights are trained in software, so that updates are computed digitally and have no price on "
            "an array; PCMConfig(update='pulsed') or 'accumulated' trains in place"
        )
    if not tiles:
        raise InputError(
            f"model: {type(model).__name__} lies on no PCM tiles, so there is nothing to price; "
            "to_crossbar(model, PCMConfig(...)) puts it on them"
        )
    if Grapes.of(model):
        raise InputError("model: a Grapes acts on it already; call its detach() first")
    if any(tile.rpu_config.read.during_training == "never" for tile in tiles):
        raise InputError(
            "model: has tiles that are never read (read.during_training); prices are those of reads"
        )
    if not isinstance(batch, tuple | list) or len(batch) < 2 or not len(batch[0]):
        raise InputError(
            "batch: must be a tuple of the inputs and, last, the target, with at least one sample"
        )
    for name in learning_rates or {}:
        if name != "grapes":
            _ = RULES[name]
    if updates < 1 or after < 0:
        raise InputError(f"updates, after: must be at least 1 and 0 (got {updates}, {after})")
