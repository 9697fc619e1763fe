"""Read the layer's response to k random inputs of ±1: a norm of each column that ignores the common mode."""

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from crossbar.readout.base import READOUTS, Partial, Readout
from crossbar.readout.converter import convert
from crossbar.readout.tile_pairs import TilePairs

Values = NDArray[np.float64]


@READOUTS.register("probe")
class Probe(Readout):
    """k reads per layer: ``sqrt(pi/2) mean |W r|`` over k random vectors r of ±1.

    ``W r`` is close to normal with the Euclidean norm of the column as its standard deviation, so this estimates
    ``||w_j||_2``, not ``sum_i |w_ji|``; the ratio between nodes, which is all that GRAPES uses, is nearly the same
    where the nodes' weights are distributed alike. The relative standard deviation of an
    estimate is ``sqrt((pi/2 - 1) / k)``.
    """

    k: int = Field(default=16, ge=1, le=65536)
    """Number of random input vectors, one read of the layer each."""

    @property
    def is_random(self) -> bool:
        """Always: the vectors are drawn anew for every reading."""
        return True

    def reads(self, rows: int) -> int:
        """k."""
        return self.k

    def driven_rows(self, rows: int) -> int:
        """All rows, k times."""
        return self.k * rows

    def partial(self, pairs: TilePairs, draw: int) -> Partial:
        """``W r`` of this tile for its part of every r: signed, so that the parts of several tiles can be added."""
        import torch

        from crossbar.single_thread import product

        signs = _signs(pairs, draw, self.k)
        response = np.zeros((self.k, pairs.g_plus.shape[1]))
        for plus, minus in zip(pairs.g_plus, pairs.g_minus, strict=True):
            for devices, polarity in ((plus, 1.0), (minus, -1.0)):
                response += (
                    polarity * product(torch.from_numpy(signs), torch.from_numpy(devices).T).numpy()
                )
        if self.read_noise:
            noise = pairs.generator("noise", draw).standard_normal(response.shape)
            response += self.read_noise * np.sqrt(np.add(*pairs.power())) * noise
        largest = pairs.sharing * pairs.n_rows * (pairs.g_max - pairs.g_min)
        read = convert(response, largest, self.adc_bits, self.adc_range, signed=True)
        return Partial(read.values, read.full_scale)

    def combined(self, values: Values) -> Values:
        """``sqrt(pi/2)`` times the mean magnitude over the vectors."""
        norm: Values = np.sqrt(np.pi / 2.0) * np.abs(values).mean(0)
        return norm


def _signs(pairs: TilePairs, draw: int, k: int) -> NDArray[np.float32]:
    bits = pairs.generator("signs", draw).integers(0, 2, (k, pairs.n_rows), np.int8)
    return np.float32(2.0) * bits.astype(np.float32) - np.float32(1.0)
