"""What one method takes on this machine, measured from live objects in a process of its own."""

import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from aihwkit.optim.context import AnalogContext

from crossbar.costs import Activity, FeedbackShape, LayerShape
from crossbar.pair_array import Counters
from crossbar.placement import placed_tiles
from imc_grapes.config import RunConfig, config_hash
from imc_grapes.config.schema import PCMHardware
from imc_grapes.costs.optimizer_state import measured_bytes
from imc_grapes.costs.step_peak import peak_bytes_of_step
from imc_grapes.costs.tile_activity import (
    LayerUses,
    activity_since,
    analog_layers,
    tile_counters,
)
from imc_grapes.costs.wear import DevicePulses, count_wear, device_pulses
from imc_grapes.data.dataset import Dataset
from imc_grapes.experiment.assemble import prepare
from imc_grapes.experiment.listener import Listener
from imc_grapes.training.checkpoint import load_checkpoint
from imc_grapes.training.loop import Trainer, training_step
from imc_grapes.transport.base import ErrorTransport, attached_transport
from kernels.errors import InputError


@dataclass(frozen=True)
class HostMeasurement:
    """What a method was found to keep, to take and to do.

    Attributes:
        state_bytes: of every array that is kept from one update to the next.
        state_arrays: those arrays, each with its bytes.
        step_peak_bytes: most bytes alive at once that one update allocated: torch's tensors and NumPy's arrays.
        layers: the weight layers, as the network was built and used.
        activity: what an update did to the devices of each layer, on average.
        train_loss: mean over those updates.
        wear: pulses of each device in those updates.
        feedback: the feedback weights of the error transport; none under backpropagation.
    """

    state_bytes: int
    state_arrays: dict[str, int]
    step_peak_bytes: int
    layers: tuple[LayerShape, ...]
    activity: dict[str, Activity]
    train_loss: float
    wear: DevicePulses
    feedback: tuple[FeedbackShape, ...] = ()


@dataclass(frozen=True)
class Start:
    """Where a measurement starts, other than with a new network.

    Attributes:
        config: of a run.
        checkpoint: of that run; its devices and digital parameters are taken over, but not what its rule keeps.
    """

    config: RunConfig
    checkpoint: Path


def measure_method(
    config: RunConfig,
    dataset: Dataset,
    updates: int,
    after: int = 0,
    start: Start | None = None,
) -> HostMeasurement:
    """Train, and look at what is there and what the last updates did.

    Args:
        config: a run on PCM tiles.
        dataset: its training samples are used epoch after epoch.
        updates: of these the pulses are counted; the last one is the one whose memory is watched.
        after: so many updates of training come first; 2 or more with `updates`.
        start: the network to train on; None for a new one.

    Raises:
        InputError: the training diverges, or the checkpoint belongs to another config.
    """
    torch.set_num_threads(1)
    trainer, grapes = prepare(config, dataset, Listener())
    if start is not None:
        _go_on_from(start, trainer)
    uses = LayerUses(trainer.model)
    trainer.model.train()
    carry, losses = None, []
    counted = tile_counters(trainer.model)
    count_wear(trainer.model)
    for index, (batch, starts_epoch) in enumerate(_batches(trainer), start=1):

        def step(batch: Any = batch, carry: Any = None if starts_epoch else carry) -> Any:
            result = training_step(
                trainer.model, trainer.optimizer, batch, trainer.task, carry, trainer.clip_norm
            )
            losses.append(float(result.mean))
            return result.carry

        try:
            if index == after + updates:
                peak = _peak_bytes(step)
                break
            carry = step()
        except FloatingPointError as error:
            raise InputError(
                f"update {index} of {config.training.optimizer.name} on {_periphery(config)} circuits: {error}; "
                "count pulses earlier in the training (--after)"
            ) from None
        if index == 1:
            uses.stop()
        if index == after:
            counted = tile_counters(trainer.model)
            count_wear(trainer.model)
            losses.clear()
    positions = uses.positions(config.data.batch_size)
    modulated = tuple(grapes.factors()) if grapes else ()
    layers = uses.shapes(config.data.batch_size, modulated)
    wear = device_pulses(trainer.model)
    assert wear is not None
    return HostMeasurement(
        state_bytes=measured_bytes(trainer.optimizer, trainer.model),
        state_arrays=dict(_state_arrays(trainer)),
        step_peak_bytes=peak,
        layers=layers,
        activity=activity_since(trainer.model, counted),
        train_loss=fmean(losses),
        wear=replace(wear, updates=updates),
        feedback=tuple(feedback_shapes(attached_transport(trainer.model), positions)),
    )


def feedback_shapes(
    transport: ErrorTransport | None, positions: dict[str, int]
) -> Iterator[FeedbackShape]:
    """The fixed weights of an error transport, with the vectors per sample of the layers they stand for."""
    if transport is None:
        return
    for name, weights in transport.feedback().items():
        if transport.is_direct:
            n_received, n_errors = weights.shape
            yield FeedbackShape(name, n_errors, n_received)
        else:
            n_errors = len(weights)
            yield FeedbackShape(name, n_errors, weights.numel() // n_errors, positions[name])


def _go_on_from(start: Start, trainer: Trainer) -> None:
    """Put the network of a checkpoint into one that another rule trains, at the learning rate of that time."""
    run, _ = prepare(start.config, trainer.dataset, Listener())
    load_checkpoint(run, config_hash(start.config), start.checkpoint)
    for (_, ours), (_, theirs) in zip(
        analog_layers(trainer.model), analog_layers(run.model), strict=True
    ):
        for one, other in zip(placed_tiles(ours), placed_tiles(theirs), strict=True):
            devices = one.tile.tile.devices
            devices.load(other.tile.tile.devices.dump())
            devices.counters = Counters()
    given = dict(run.model.named_parameters()) | dict(run.model.named_buffers())
    held = dict(trainer.model.named_parameters()) | dict(trainer.model.named_buffers())
    with torch.no_grad():
        for name, tensor in held.items():
            if not isinstance(tensor, AnalogContext):
                tensor.copy_(given[name])
    for group in trainer.optimizer.param_groups:
        group["lr"] *= trainer.lr_decay**run.position.epoch
    trainer.order.set_state(run.order.get_state())
    trainer.position.epoch = run.position.epoch


def _batches(trainer: Trainer) -> Iterator[tuple[Any, bool]]:
    """Full mini-batches as a training takes them, epoch after epoch, and whether an epoch begins."""
    train = trainer.dataset.train
    for epoch in range(trainer.position.epoch, sys.maxsize):
        has_batch = False
        for index, batch in enumerate(train.batches(trainer.batch_size, trainer.order)):
            is_full = len(batch) == trainer.batch_size or not hasattr(batch, "labels")
            if is_full or not has_batch:
                if trainer.augmentation is not None:
                    batch = trainer.augmentation.deformed(batch, epoch, index)
                yield batch, not has_batch
                has_batch = True
        for group in trainer.optimizer.param_groups:
            group["lr"] *= trainer.lr_decay


def _periphery(config: RunConfig) -> str:
    assert isinstance(config.hardware, PCMHardware)
    return config.hardware.update.kind


def _state_arrays(trainer: Trainer) -> Iterator[tuple[str, int]]:
    for name, module in trainer.model.named_modules():
        if hasattr(module, "update_state_arrays"):
            for array_name, array in module.update_state_arrays().items():
                yield f"{name}.{array_name}", array.nbytes
    names = {id(parameter): name for name, parameter in trainer.model.named_parameters()}
    for parameter, held in trainer.optimizer.state.items():
        for key, value in held.items():
            if isinstance(value, torch.Tensor):
                yield f"{names[id(parameter)]}.{key}", value.numel() * value.element_size()


def _peak_bytes(step: Any) -> int:
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    tensors = peak_bytes_of_step(step)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return tensors + most - before
