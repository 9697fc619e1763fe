"""What a read of all pairs of a tile found."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

NoiseKeys = tuple[np.uint64, np.uint64]


@dataclass
class ReadOut:
    """The weights that products of a tile are computed with.

    Attributes:
        weights: float32 [n_out, n_in]; means over the read noise.
        variance: float32 [n_out, n_in], variance of the read noise; None without.
        gain: digital factor on the outputs, for drift compensation.
        noise_keys: streams of the noise on inputs and on outputs, forward and backward, of products with this read
            alone: reads at a later time must not use up random numbers of the training. None for those of the training.
        products: how many were computed with this read so far; the position in those streams.
    """

    weights: Tensor
    variance: Tensor | None = None
    gain: float = 1.0
    noise_keys: tuple[NoiseKeys, NoiseKeys] | None = None
    products: int = 0
