"""TTv2: columns of A gather in a digital matrix H, which sends single pulses to C.

T. Gokmen, Front. Artif. Intell. 4, 699148 (2021); aihwkit's `BufferedTransferCompound`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossbar.column_transfer import ColumnTransfer, ReadColumns
from crossbar.pair_array import PairArray
from crossbar.specs import TTv2Spec


class TTv2(ColumnTransfer):
    """`H[:, i] += rate * A[:, i]`; a pulse of its sign goes to C where |H| is full, and H is reduced.

    H is in units of what fills it. aihwkit keeps the same numbers in units of weights.

    Args:
        spec: how often, how much, and what fills H.
        devices: C.
        read_columns: see `ColumnTransfer`.
    """

    def __init__(self, spec: TTv2Spec, devices: PairArray, read_columns: ReadColumns) -> None:
        super().__init__(spec, devices, read_columns)
        self._buffer = spec
        self._full = spec.thres_scale * self._weight_per_pulse
        self._h = np.zeros(devices.shape, np.float32)

    def weights_written(self, spec: Any) -> None:
        """See `UpdatePeriphery`."""
        super().weights_written(spec)
        self._h[...] = 0.0

    def _due(
        self, columns: NDArray[np.float32], inputs: NDArray[np.int64], rate: float
    ) -> tuple[NDArray[np.int16], int, int]:
        spec = self._buffer
        held = self._h[:, inputs].T + columns * np.float32(rate / self._full)
        filled = np.trunc(held)
        most = np.float32(spec.transfer_max_pulses)
        sent = np.clip(filled, -most, most)
        stays = np.float32(spec.buffer_momentum)
        left = held * stays if spec.forget_buffer else held - (np.float32(1.0) - stays) * sent
        self._h[:, inputs] = np.where(sent == 0.0, held, left).T
        pulses = int(np.abs(sent).sum(dtype=np.float64))
        return sent.astype(np.int16), pulses, int((np.abs(filled) > most).sum())

    def state_arrays(self) -> dict[str, NDArray[Any]]:
        """H."""
        return {"h": self._h}

    def meaning_of_state(self) -> dict[str, Any]:
        """As of every transfer, and the weight that fills H."""
        return {**super().meaning_of_state(), "weight_of_full_h": self._full}
