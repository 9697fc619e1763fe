"""The modulation factor at the word length that the update path has for it."""

import torch
from torch import Tensor


def quantised(factors: Tensor, bits: int, low: float = 1.0) -> Tensor:
    """Factors rounded to the nearest of the ``2^bits`` levels that divide [low, 2] evenly, both ends among them.

    Args:
        factors: any shape, each in [low, 2].
        bits: 1 or more.
        low: 1, or 0 for factors that are not clipped.
    """
    steps = ((1 << bits) - 1) / (2.0 - low)
    return torch.round((factors - low) * steps) / steps + low
