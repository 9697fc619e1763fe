"""Read the summed current of each column, plus and minus: `sum (G+ + G-)`, less the RESET floor."""

import numpy as np
from numpy.typing import NDArray

from crossbar.readout.base import READOUTS, Partial, Readout
from crossbar.readout.converter import convert
from crossbar.readout.tile_pairs import TilePairs
from kernels.importance import per_weight

Values = NDArray[np.float64]


@READOUTS.register("column_current")
class ColumnCurrent(Readout):
    """Two reads per layer: all rows at the read voltage, first the plus columns, then the minus columns.

    What the columns carry with all devices at RESET is known and subtracted digitally. The result is the importance as
    long as one device of each pair is at RESET; SET-only updates fill both, and it then counts their common mode too.
    """

    def reads(self, rows: int) -> int:
        """Two."""
        return 2

    def driven_rows(self, rows: int) -> int:
        """All rows, twice."""
        return 2 * rows

    @property
    def devices_per_pair(self) -> int:
        """One: a cycle reads one polarity."""
        return 1

    @property
    def subtracts_floor(self) -> bool:
        """Yes."""
        return True

    def partial(self, pairs: TilePairs, draw: int) -> Partial:
        """``sum_i (G+_ji + G-_ji)`` less the floor, not below 0."""
        plus, minus = _column_sums(pairs.g_plus), _column_sums(pairs.g_minus)
        if self.read_noise:
            noise = pairs.generator("noise", draw).standard_normal((2, plus.size))
            power_plus, power_minus = pairs.power()
            plus = np.maximum(plus + self.read_noise * np.sqrt(power_plus) * noise[0], 0.0)
            minus = np.maximum(minus + self.read_noise * np.sqrt(power_minus) * noise[1], 0.0)
        n_devices = pairs.sharing * pairs.n_rows
        read = convert(
            np.stack([plus, minus]),
            n_devices * pairs.g_max,
            self.adc_bits,
            self.adc_range,
            signed=False,
        )
        floor = 2.0 * n_devices * pairs.g_min
        above = np.maximum(read.values.sum(0) - floor, 0.0)
        return Partial(above[None], 2.0 * read.full_scale)


def _column_sums(stack: NDArray[np.float32]) -> Values:
    sums: Values = np.sum([per_weight(devices) for devices in stack], axis=0, dtype=np.float64)
    return sums
