"""TTv1: columns of A go to C in pulses as they are read.

T. Gokmen and W. Haensch, Front. Neurosci. 14, 103 (2020); aihwkit's `TransferCompound`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossbar.column_transfer import ColumnTransfer, ReadColumns
from crossbar.pair_array import PairArray
from crossbar.specs import TikiTakaSpec
from kernels.pulse_counts import rounded_pulses


class TikiTaka(ColumnTransfer):
    """`C[:, i] += rate * A[:, i]` in the mean, by stochastically rounded numbers of pulses; nothing digital stays.

    Args:
        spec: how often, how much.
        devices: C.
        read_columns: see `ColumnTransfer`.
    """

    def __init__(self, spec: TikiTakaSpec, devices: PairArray, read_columns: ReadColumns) -> None:
        super().__init__(spec, devices, read_columns)
        self._most = spec.transfer_max_pulses

    def _due(
        self, columns: NDArray[np.float32], inputs: NDArray[np.int64], rate: float
    ) -> tuple[NDArray[np.int16], int, int]:
        devices = self._devices
        counts, pulses, saturated = rounded_pulses(
            np.ascontiguousarray(columns).reshape(-1),
            rate / self._weight_per_pulse,
            self._most,
            devices.key("rounding"),
            devices.event,
        )
        return counts.reshape(columns.shape), pulses, saturated

    def state_arrays(self) -> dict[str, NDArray[Any]]:
        """Nothing: the state lies in A."""
        return {}
