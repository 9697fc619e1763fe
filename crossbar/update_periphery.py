"""The circuits that update a tile: from inputs and errors of a mini-batch to pulses on its devices."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crossbar.chi_optimizer import ChiOptimizer
from crossbar.operands import outer_product, quantised
from crossbar.pair_array import PairArray, mean_step_uS
from crossbar.single_thread import product
from crossbar.specs import AccumulatedSpec, GradientPulses, ProgramSpec
from crossbar.weight_copy import WeightCopy
from kernels.errors import InputError
from kernels.pair_pulses import apply_pulses
from kernels.pulse_coincidences import coincident_pulses
from kernels.pulse_counts import rounded_pulses, transferred_pulses


class UpdatePeriphery(ABC):
    """Writes updates into a `PairArray`, and keeps what it needs for that.

    Attributes:
        fast: a second array of the same devices, which gradients go to first; None where there is none.
        gamma: its part in the weights that products see.
    """

    fast: PairArray | None = None
    gamma: float = 0.0

    @abstractmethod
    def update(
        self, x: Tensor, d: Tensor, learning_rate: float, gradient: Tensor | None = None
    ) -> None:
        """Change the weights by about `-learning_rate * d^T x`.

        Args:
            x: inputs, float32 [batch, n_in].
            d: errors at the outputs, float32 [batch, n_out].
            learning_rate: above 0.
            gradient: float32 [n_out, n_in], what has become of d^T x where it was changed after the backward pass.

        Raises:
            InputError: the circuits cannot apply such a gradient.
        """

    @abstractmethod
    def state_arrays(self) -> dict[str, NDArray[Any]]:
        """Every array that is kept from one update to the next, by its name; live, not copies."""

    def weights_written(self, spec: ProgramSpec) -> None:  # noqa: B027
        """The whole matrix has been written, as `spec` says."""

    def gradient(self, x: Tensor, d: Tensor) -> Tensor:
        """d^T x [n_out, n_in] of inputs [batch, n_in] and errors [batch, n_out], as the circuits form it."""
        return product(d.T, x)

    def meaning_of_state(self) -> dict[str, Any]:
        """What the numbers of `state_arrays` stand for: they are the same update only where this is the same."""
        return {}


def gradient_pulses(
    spec: GradientPulses, devices: PairArray, copy: WeightCopy | None
) -> UpdatePeriphery:
    """The circuits that send a gradient to these devices; `copy` is told of every pulse."""
    if spec.trains == "summed":
        return SummedPulses(spec, devices, copy)
    return PulseTrains(spec, devices)


class SummedPulses(UpdatePeriphery):
    """Each device gets a stochastically rounded number of pulses for the sum over the mini-batch.

    The sum for one column needs n_in accumulators, which serve one column after the other; nothing stays.
    """

    def __init__(self, spec: GradientPulses, devices: PairArray, copy: WeightCopy | None) -> None:
        self._spec = spec
        self._devices = devices
        self._copy = copy
        self._weight_per_pulse = devices.weight_per_uS * (
            spec.step_uS or mean_step_uS(devices.model, spec.refresh.above)
        )
        self._optimizer = ChiOptimizer(spec.optimizer, devices.shape, devices.key("words"))

    def gradient(self, x: Tensor, d: Tensor) -> Tensor:
        """See `UpdatePeriphery`."""
        return outer_product(x, d, self._spec.operand_bits)

    def update(
        self, x: Tensor, d: Tensor, learning_rate: float, gradient: Tensor | None = None
    ) -> None:
        """See `UpdatePeriphery`."""
        devices = self._devices
        devices.event += 1
        devices.counters.updates += 1
        # The rule may overwrite it, and a given one belongs to the user.
        gradient = self.gradient(x, d) if gradient is None else gradient.clone()
        direction = self._optimizer.direction(gradient, devices.counters.updates)
        counts, pulses, saturated = rounded_pulses(
            direction.numpy().reshape(-1),
            -learning_rate / self._weight_per_pulse,
            self._spec.train_length,
            devices.key("rounding"),
            devices.event,
        )
        devices.counters.pulses += pulses
        devices.counters.saturated += saturated
        apply_counts(devices, counts, pulses)
        if self._copy is not None:
            self._copy.note(counts, self._weight_per_pulse)
        devices.refresh_if_due(self._spec.refresh)
        devices.hold_stuck()

    def state_arrays(self) -> dict[str, NDArray[Any]]:
        """The copy of weights that are not read back, if there is one."""
        return _copied(self._copy)


class PulseTrains(UpdatePeriphery):
    """Every sample sends stochastic trains along rows and columns; devices are pulsed where they coincide.

    T. Gokmen and Y. Vlasov, Front. Neurosci. 10, 333 (2016). In slot s of a train, row i carries a pulse
    with a probability proportional to |x_i|, column j with one proportional to |d_j|, shared out between
    rows and columns so that the largest probabilities are equal. The pulses of a slot go to one of the K
    devices, the next slot's to the next.
    """

    def __init__(self, spec: GradientPulses, devices: PairArray) -> None:
        self._spec = spec
        self._devices = devices
        self._weight_per_pulse = devices.weight_per_uS * (
            spec.step_uS or mean_step_uS(devices.model, spec.refresh.above)
        )

    def update(
        self, x: Tensor, d: Tensor, learning_rate: float, gradient: Tensor | None = None
    ) -> None:
        """See `UpdatePeriphery`."""
        if gradient is not None:
            d = d * _common_factor(gradient, self.gradient(x, d))
        devices = self._devices
        devices.event += 1
        devices.counters.updates += 1
        if self._spec.operand_bits is not None:
            x, d = (quantised(vectors, self._spec.operand_bits) for vectors in (x, d))
        pulses, saturated = coincident_pulses(
            devices.model.set_pulse,
            devices.pairs,
            x.numpy(),
            d.numpy(),
            learning_rate / self._weight_per_pulse,
            self._spec.train_length,
            devices.turn,
            devices.event,
            devices.constants,
            devices.key("trains"),
            devices.key("pulses"),
            devices.counted_by,
        )
        devices.turn = (devices.turn + len(x) * self._spec.train_length) % devices.sharing
        devices.counters.pulses += pulses
        devices.counters.saturated += saturated
        devices.refresh_if_due(self._spec.refresh)
        devices.hold_stuck()

    def state_arrays(self) -> dict[str, NDArray[Any]]:
        """Nothing is kept."""
        return {}


class Accumulated(UpdatePeriphery):
    """Mixed precision: chi collects the updates, and a device is pulsed when a granularity is full."""

    def __init__(self, spec: AccumulatedSpec, devices: PairArray, copy: WeightCopy | None) -> None:
        self._spec = spec
        self._devices = devices
        self._copy = copy
        self._weight_per_pulse = devices.weight_per_uS * (
            spec.granularity_uS or mean_step_uS(devices.model, spec.refresh.above)
        )
        self._full = 1 << (spec.accumulator_bits - 1)
        word = np.int8 if spec.accumulator_bits <= 8 else np.int16
        self._chi = np.zeros(devices.shape, word if spec.accumulator_bits <= 16 else np.int32)
        self._optimizer = ChiOptimizer(spec.optimizer, devices.shape, devices.key("words"))

    def gradient(self, x: Tensor, d: Tensor) -> Tensor:
        """See `UpdatePeriphery`."""
        return outer_product(x, d, self._spec.operand_bits)

    def update(
        self, x: Tensor, d: Tensor, learning_rate: float, gradient: Tensor | None = None
    ) -> None:
        """See `UpdatePeriphery`."""
        devices = self._devices
        devices.event += 1
        devices.counters.updates += 1
        # The rule may overwrite it, and a given one belongs to the user.
        gradient = self.gradient(x, d) if gradient is None else gradient.clone()
        direction = self._optimizer.direction(gradient, devices.counters.updates)
        counts, pulses, saturated = transferred_pulses(
            self._chi.reshape(-1),
            direction.numpy().reshape(-1),
            -learning_rate / self._weight_per_pulse * self._full,
            self._full,
            self._spec.max_pulses,
            devices.key("rounding"),
            devices.event,
        )
        devices.counters.pulses += pulses
        devices.counters.chi_transfers += pulses
        devices.counters.saturated += saturated
        apply_counts(devices, counts, pulses)
        if self._copy is not None:
            self._copy.note(counts, self._weight_per_pulse)
        devices.refresh_if_due(self._spec.refresh)
        devices.hold_stuck()

    def state_arrays(self) -> dict[str, NDArray[Any]]:
        """chi, what the rule keeps, and the copy of weights that are not read back."""
        return {"chi": self._chi, **self._optimizer.state, **_copied(self._copy)}

    def meaning_of_state(self) -> dict[str, Any]:
        """The weight that a full chi stands for, what full is, and the rule that filled the state."""
        return {
            "weight_per_pulse": self._weight_per_pulse,
            "accumulator_bits": self._spec.accumulator_bits,
            "optimizer": self._spec.optimizer.name,
        }


def _common_factor(changed: Tensor, gradient: Tensor) -> float:
    """What every number of `gradient` was multiplied by: trains of inputs and errors can follow nothing else."""
    square = float(gradient.square().sum())
    factor = float((changed * gradient).sum()) / square if square > 0.0 else 0.0
    largest = float(changed.abs().max())
    if not torch.allclose(changed, factor * gradient, rtol=1e-4, atol=1e-6 * largest):
        raise InputError(
            "update.trains: per_sample makes pulses of inputs and errors, and follows a gradient that was changed "
            "after the backward pass only by one factor for all weights; trains: summed and kind: accumulated "
            "follow any"
        )
    return factor


def _copied(copy: WeightCopy | None) -> dict[str, NDArray[Any]]:
    return {} if copy is None else {"weight_copy": copy.weights.numpy()}


def apply_counts(devices: PairArray, counts: NDArray[np.int16], pulses: int) -> None:
    """Send the pulses of one update, `counts` [n_out * n_in], `pulses` together; the next device has its turn."""
    if pulses:
        apply_pulses(
            devices.model.set_pulse,
            devices.pairs,
            counts,
            devices.turn,
            devices.event,
            devices.constants,
            devices.key("pulses"),
            devices.counted_by,
        )
    devices.turn = (devices.turn + 1) % devices.sharing
