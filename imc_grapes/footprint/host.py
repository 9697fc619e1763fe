"""What one method takes on this machine, measured from live objects in a process of its own."""

import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import numpy as np
import torch
from torch import nn

from crossbar.costs import Activity, FeedbackShape, LayerShape
from crossbar.placement import placed_tiles
from imc_grapes.config import RunConfig
from imc_grapes.data import Dataset
from imc_grapes.error_transport.base import ErrorTransport, attached_transport
from imc_grapes.experiment.listener import Listener
from imc_grapes.experiment.run import prepare
from imc_grapes.grapes.incoming_weights import is_analog
from imc_grapes.memory import measured_bytes, peak_bytes_of_step
from imc_grapes.training.loop import Trainer, training_step


@dataclass(frozen=True)
class HostMeasurement:
    """What a method was found to keep, to take and to do.

    Attributes:
        state_bytes: of every array that is kept from one update to the next.
        state_arrays: those arrays, each with its bytes.
        step_peak_bytes: most bytes alive at once that one update allocated: torch's tensors and NumPy's arrays.
        layers: the weight layers, as the network was built and used.
        activity: what an update did to the devices of each layer, on average.
        feedback: the feedback weights of the error transport; none under backpropagation.
    """

    state_bytes: int
    state_arrays: dict[str, int]
    step_peak_bytes: int
    layers: tuple[LayerShape, ...]
    activity: dict[str, Activity]
    feedback: tuple[FeedbackShape, ...] = ()


def measure_method(config: RunConfig, dataset: Dataset, updates: int) -> HostMeasurement:
    """Train for so many updates and look at what is there.

    Args:
        config: a run on PCM tiles.
        dataset: its training samples are used over and over.
        updates: 2 or more; the last one is the one whose memory is watched.
    """
    torch.set_num_threads(1)
    trainer, grapes = prepare(config, dataset, Listener())
    uses = _Uses(trainer.model)
    batches = islice(_batches(trainer), updates)
    trainer.model.train()
    first = next(batches)
    carry = training_step(trainer.model, trainer.optimizer, first, trainer.task).carry
    positions = uses.positions(config.data.batch_size)
    for index, batch in enumerate(batches, start=2):

        def step(batch: Any = batch, carry: Any = carry) -> Any:
            return training_step(trainer.model, trainer.optimizer, batch, trainer.task, carry).carry

        if index < updates:
            carry = step()
            continue
        peak = _peak_bytes(step)
    modulated = tuple(grapes.factors()) if grapes else ()
    layers = tuple(
        LayerShape(
            name,
            n_in=layer.analog_module.in_size,
            n_out=layer.analog_module.out_size,
            positions=positions[name],
            modulated=any(name == one or name.startswith(f"{one}.") for one in modulated),
        )
        for name, layer in _analog_layers(trainer.model)
    )
    return HostMeasurement(
        state_bytes=measured_bytes(trainer.optimizer, trainer.model),
        state_arrays=dict(_state_arrays(trainer)),
        step_peak_bytes=peak,
        layers=layers,
        activity={name: _activity(layer) for name, layer in _analog_layers(trainer.model)},
        feedback=tuple(_feedback_shapes(attached_transport(trainer.model), positions)),
    )


def _feedback_shapes(
    transport: ErrorTransport | None, positions: dict[str, int]
) -> Iterator[FeedbackShape]:
    if transport is None:
        return
    for name, weights in transport.feedback().items():
        if transport.is_direct:
            n_received, n_errors = weights.shape
            yield FeedbackShape(name, n_errors, n_received)
        else:
            n_errors = len(weights)
            yield FeedbackShape(name, n_errors, weights.numel() // n_errors, positions[name])


def _batches(trainer: Trainer) -> Iterator[Any]:
    full = [
        batch
        for batch in trainer.dataset.train.batches(trainer.batch_size, None)
        if len(batch) == trainer.batch_size or not hasattr(batch, "labels")
    ]
    return cycle(full)


def _analog_layers(model: nn.Module) -> Iterator[tuple[str, Any]]:
    return ((name, module) for name, module in model.named_modules() if is_analog(module))


def _activity(layer: Any) -> Activity:
    tiles = [placed.tile for placed in placed_tiles(layer)]
    conductances = np.concatenate(
        [g.reshape(-1) for tile in tiles for g in (tile.g_plus, tile.g_minus)]
    )
    weights = layer.analog_module.in_size * layer.analog_module.out_size
    return Activity.measured([tile.counters for tile in tiles], weights, float(conductances.mean()))


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


class _Uses:
    """Counts the input vectors of every analog layer, by hooks on its forward pass."""

    def __init__(self, model: nn.Module) -> None:
        self._vectors: dict[str, int] = {}
        self._handles = [
            layer.register_forward_hook(self._counting(name))
            for name, layer in _analog_layers(model)
        ]

    def positions(self, batch: int) -> dict[str, int]:
        """Vectors per sample of a mini-batch, and forget about the model."""
        for handle in self._handles:
            handle.remove()
        return {name: max(1, vectors // batch) for name, vectors in self._vectors.items()}

    def _counting(self, name: str) -> Any:
        def count(layer: Any, args: Any, output: torch.Tensor) -> None:
            vectors = output.numel() // layer.analog_module.out_size
            self._vectors[name] = self._vectors.get(name, 0) + vectors

        return count
