"""Gradients go to a second array A of devices, and columns of A to the weights C: what TTv1 and TTv2 have in common."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from crossbar.pair_array import PairArray, mean_step_uS
from crossbar.specs import ProgramSpec, TransferSpec
from crossbar.update_periphery import UpdatePeriphery, apply_counts, gradient_pulses

ReadColumns = Callable[[PairArray, NDArray[np.int64]], Tensor]
"""Reads the weights of some inputs [reads] of an array through the tile's converters, float32 [reads, n_out]."""


class ColumnTransfer(UpdatePeriphery):
    """Updates of A by pulses, and every so many updates a transfer of its next columns to C.

    Args:
        spec: of which kind, how often, how much.
        devices: C.
        read_columns: how a column of A is read.
    """

    def __init__(self, spec: TransferSpec, devices: PairArray, read_columns: ReadColumns) -> None:
        self.fast: PairArray = devices.beside("fast array")
        self.gamma = spec.gamma
        self._spec = spec
        self._devices = devices
        self._read_columns = read_columns
        self._to_fast = gradient_pulses(spec, self.fast, None)
        self._weight_per_pulse = devices.weight_per_uS * (
            spec.step_uS or mean_step_uS(devices.model, spec.refresh.above)
        )

    def gradient(self, x: Tensor, d: Tensor) -> Tensor:
        """See `UpdatePeriphery`."""
        return self._to_fast.gradient(x, d)

    def update(
        self, x: Tensor, d: Tensor, learning_rate: float, gradient: Tensor | None = None
    ) -> None:
        """See `UpdatePeriphery`."""
        self._to_fast.update(x, d, learning_rate, gradient)
        devices, spec = self._devices, self._spec
        devices.event += 1
        devices.counters.updates += 1
        if devices.counters.updates % spec.transfer_every == 0:
            rate = spec.transfer_lr * (learning_rate if spec.scale_transfer_lr else 1.0)
            self._transfer(self._next_inputs(), rate)
        devices.refresh_if_due(spec.refresh)
        devices.hold_stuck()

    def weights_written(self, spec: ProgramSpec) -> None:
        """See `UpdatePeriphery`: what A has gathered was for other weights."""
        self.fast.write(np.zeros(self.fast.shape, np.float32), spec)

    def _next_inputs(self) -> NDArray[np.int64]:
        """Follows from the number of updates, so that a checkpoint needs nothing else."""
        n_in = self._devices.shape[1]
        reads = min(self._spec.n_reads_per_transfer, n_in)
        transfers_before = self._devices.counters.updates // self._spec.transfer_every - 1
        return (transfers_before * reads + np.arange(reads)) % n_in

    def _transfer(self, inputs: NDArray[np.int64], rate: float) -> None:
        devices = self._devices
        columns = self._read_columns(self.fast, inputs).numpy()
        due, pulses, saturated = self._due(columns, inputs, rate)
        counts = np.zeros(devices.shape, np.int16)
        counts[:, inputs] = due.T
        devices.counters.pulses += pulses
        devices.counters.transfer_pulses += pulses
        devices.counters.transfer_reads += len(inputs)
        devices.counters.saturated += saturated
        apply_counts(devices, counts.reshape(-1), pulses)

    @abstractmethod
    def _due(
        self, columns: NDArray[np.float32], inputs: NDArray[np.int64], rate: float
    ) -> tuple[NDArray[np.int16], int, int]:
        """What goes to C for columns of A that were read.

        Args:
            columns: float32 [reads, n_out], in units of weights.
            inputs: which they are, [reads].
            rate: weight that is due on C per weight of A.

        Returns:
            Signed pulses [reads, n_out]; how many they are together; in how many places more were due.
        """

    def meaning_of_state(self) -> dict[str, Any]:
        """Which update filled A, and the weight that a pulse on C stands for."""
        return {"update": self._spec.kind, "weight_per_pulse": self._weight_per_pulse}
