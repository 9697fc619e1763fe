"""The modulation factor at the word length that the update path has for it."""

import torch
from torch import Tensor


def quantised(factors: Tensor, bits: int) -> Tensor:
    """Factors rounded to the nearest of the ``2^bits`` levels that divide [1, 2] evenly, both ends among them.

    Args:
        factors: any shape, each in [1, 2].
        bits: 1 or more.
    """
    steps = (1 << bits) - 1
    return torch.round((factors - 1.0) * steps) / steps + 1.0
