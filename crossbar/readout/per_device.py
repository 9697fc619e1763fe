"""Read the difference of every pair, and add up the magnitudes digitally: `sum |G+ - G-|`."""

import numpy as np

from crossbar.readout.base import READOUTS, Partial, Readout
from crossbar.readout.converter import convert
from crossbar.readout.tile_pairs import TilePairs


@READOUTS.register("per_device")
class PerDevice(Readout):
    """One read per row: the row alone at the read voltage, both columns of a node against each other.

    Without a converter and without noise, this is the importance itself.
    """

    @property
    def is_exact(self) -> bool:
        """Whether neither noise, converter, word length nor interval is modelled."""
        return self == PerDevice()

    def reads(self, rows: int) -> int:
        """One per row."""
        return rows

    def driven_rows(self, rows: int) -> int:
        """Each row once."""
        return rows

    def partial(self, pairs: TilePairs, draw: int) -> Partial:
        """``sum_i |G+_ji - G-_ji|``, every term converted on its own."""
        difference = (pairs.g_plus.sum(0) - pairs.g_minus.sum(0)).astype(np.float64)
        if self.read_noise:
            spread = np.sqrt(np.square(pairs.g_plus).sum(0) + np.square(pairs.g_minus).sum(0))
            noise = pairs.generator("noise", draw).standard_normal(difference.shape)
            difference += self.read_noise * spread * noise
        largest = pairs.sharing * (pairs.g_max - pairs.g_min)
        read = convert(difference, largest, self.adc_bits, self.adc_range, signed=True)
        return Partial(np.abs(read.values).sum(1)[None], read.full_scale * pairs.n_rows)
