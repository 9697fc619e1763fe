"""What training a model of one's own takes on the chip, by every update rule."""

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import pandas as pd
from torch import Tensor, nn

from crossbar import PCMTile
from crossbar.costs import ArrayLimits, Method, UpdateCost, network_cost
from crossbar.costs.operations import ADC_BITS_OF_EXACT
from crossbar.readout import ColumnCurrent, Readout
from crossbar.rules import RULES
from crossbar.rules.base import USUAL_LEARNING_RATE
from crossbar.specs import AccumulatedSpec, OptimizerSpec, PulsedSpec, TikiTakaSpec, TTv2Spec
from imc_grapes.costs.tile_activity import LayerUses, activity_since, tile_counters
from imc_grapes.grapes import Grapes
from imc_grapes.rules import optimizer
from kernels.errors import InputError

Circuits = Literal["pulsed", "accumulated", "tiki_taka", "ttv2"]
_ALWAYS: tuple[Circuits, ...] = ("pulsed", "accumulated")
_SPECS: dict[Circuits, Any] = {
    "pulsed": PulsedSpec,
    "accumulated": AccumulatedSpec,
    "tiki_taka": TikiTakaSpec,
    "ttv2": TTv2Spec,
}
_GRAPES_LEARNING_RATES: dict[Circuits, float] = {
    "pulsed": 0.05,
    "accumulated": 0.4,
    "tiki_taka": 0.05,
    "ttv2": 0.05,
}


def footprint(
    model: nn.Module,
    batch: tuple[Any, ...],
    loss: Callable[..., Tensor],
    *,
    learning_rates: Mapping[str, float] | None = None,
    readout: Readout | None = None,
    updates: int = 20,
    after: int = 0,
) -> pd.DataFrame:
    """Train copies of a model by every update rule for a few updates, count what happens, and price it.

    Every rule is compared with the others on the same circuits: those that keep nothing on pulses, all on the digital
    accumulator, GRAPES on both; on the model's own circuits, too, where those are tiki_taka or ttv2. Energies and
    times are those of one training step with its reads, from the constants of
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

    Returns:
        A row per rule and circuits: *method*, *circuits*, *learning_rate*, *state_bits* (kept between updates by the
        rule; the accumulator's are in *accumulator_bits*), *devices* (both polarities, of both
        arrays where there are two), *energy_pJ* with *energy_low_pJ* and *energy_high_pJ*, *own_energy_pJ*, *time_ns*,
        *area_um2* (of the memory and the second array that are added),
        *pulses_per_device* (SET pulses that a device gets in one update on average, refresh included).

    Raises:
        InputError: the model lies on no PCM tiles, or on some that are never read; a rule is unknown; the training
            diverges.

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
    devices = sum(tile.g_plus.size + tile.g_minus.size for tile in tiles)
    rows = []
    for circuits in dict.fromkeys((*_ALWAYS, tiles[0].rpu_config.update.kind)):
        for name in _methods(tiles, circuits):
            lr = given.get(name, _usual_learning_rate(name, circuits))
            cost, pulses = _priced(
                model, batch, loss, name, circuits, lr, circuit, updates=updates, after=after
            )
            energy = cost.total_energy_pJ
            rows.append(
                {
                    "method": name,
                    "circuits": circuits,
                    "learning_rate": lr,
                    "state_bits": cost.bits.state,
                    "accumulator_bits": cost.bits.accumulator,
                    "devices": devices + cost.added_devices,
                    "energy_pJ": energy.typical,
                    "energy_low_pJ": energy.low,
                    "energy_high_pJ": energy.high,
                    "own_energy_pJ": cost.own_energy_pJ.typical,
                    "time_ns": cost.time_ns.typical,
                    "area_um2": cost.area_um2.typical,
                    "pulses_per_device": pulses / (devices + cost.added_devices),
                }
            )
    return pd.DataFrame(rows)


def _methods(tiles: list[PCMTile], circuits: Circuits) -> Iterator[str]:
    """What these circuits can carry out: sgd and GRAPES on it, then the others, what keeps least first."""
    yield from ("sgd", "grapes")
    trains = _update_of(tiles[0], "pulsed").trains
    for entry in sorted(RULES, key=lambda entry: entry.value.kept()):
        if entry.name != "sgd" and (
            circuits == "accumulated" or trains in entry.value.pulse_trains
        ):
            yield entry.name


def _usual_learning_rate(name: str, circuits: Circuits) -> float:
    if name == "grapes":
        return _GRAPES_LEARNING_RATES[circuits]
    return RULES[name].learning_rates.get(circuits, USUAL_LEARNING_RATE)


def _update_of(tile: PCMTile, circuits: Circuits) -> Any:
    """The tile's own circuits if they are of that kind, else usual ones; carrying out sgd."""
    own = tile.rpu_config.update
    if own.kind != circuits:
        return _SPECS[circuits](operand_bits=own.operand_bits, refresh=own.refresh)
    return type(own).of({**dict(own), "optimizer": "sgd"})


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
) -> tuple[UpdateCost, float]:
    """The cost of a step, and the SET pulses that all devices together get in one update."""
    rule = "sgd" if name == "grapes" else name
    own = copy.deepcopy(model).train()
    tiles = [module for module in own.modules() if isinstance(module, PCMTile)]
    configured = tiles[0].configured_optimizer
    constants = configured.given if configured.name == rule else {}
    for tile in tiles:
        tile.set_update(_update_of(tile, circuits))
        tile.configured_optimizer = OptimizerSpec()
    update = optimizer(own, rule, lr, **constants)
    grapes = Grapes(own, readout=readout) if name == "grapes" else None
    uses = LayerUses(own)
    counted = tile_counters(own)
    for index in range(after + updates):
        if index == after:
            counted = tile_counters(own)
        update.zero_grad()
        try:
            loss(own(*batch[:-1]), batch[-1]).backward()
            update.step()
        except FloatingPointError as error:
            raise InputError(
                f"learning_rates: {name} on {circuits} circuits at {lr:g}: {error}; give it a smaller one"
            ) from None
        uses.stop()
    samples = len(batch[0])
    layers = uses.shapes(samples, tuple(grapes.factors()) if grapes else ())
    activity = activity_since(own, counted)
    array, io = tiles[0].rpu_config.array, tiles[0].rpu_config.forward
    adc_bits = _bits(io.out_res) or ADC_BITS_OF_EXACT
    arrays = ArrayLimits(array.rows, array.columns, array.devices_per_polarity, adc_bits)
    chosen = {"name": rule, **constants}
    circuit = tiles[0].rpu_config.update
    spec = type(circuit).of({**dict(circuit), "optimizer": chosen})
    priced: dict[str, Any] = {"name": name, "update": spec}
    if grapes:
        priced["readout"] = readout
    cost = network_cost(layers, Method.of(priced), samples, activity, arrays)
    pulses = sum(
        (activity[one.name].pulses + activity[one.name].refresh_pulses) * one.weights
        for one in layers
    )
    return cost, pulses


def _bits(resolution: float) -> int | None:
    """Of a converter whose step is `resolution` of its full range; None for one without steps."""
    if resolution <= 0.0:
        return None
    steps = 1.0 / resolution if resolution < 1.0 else resolution
    return round(steps + 2.0).bit_length() - 1


def _check(
    model: nn.Module,
    tiles: list[PCMTile],
    batch: Any,
    learning_rates: Mapping[str, float] | None,
    updates: int,
    after: int,
) -> None:
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
