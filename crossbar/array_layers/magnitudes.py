"""The largest magnitude of many numbers, or a percentile."""

from __future__ import annotations

import torch
from torch import Tensor

_DROPPED_BITS = 12
_BINS = 1 << (31 - _DROPPED_BITS)


class Magnitudes:
    """The largest magnitude, or a percentile, of all numbers shown to it.

    Percentiles are counted in bins of float32's leading bits, each 0.05 % wide, so that no sample has to be kept; a
    percentile is the upper end of its bin.

    Args:
        percentile: 100 for the largest.

    Example:
        >>> import torch
        >>> from crossbar.array_layers.magnitudes import Magnitudes
        >>> seen = Magnitudes(percentile=50.0)
        >>> for part in torch.linspace(-1.0, 1.0, 2001).split(500):
        ...     seen.see(part)
        >>> round(float(seen.value()), 2)
        0.5
    """

    def __init__(self, percentile: float) -> None:
        self.percentile = percentile
        self.largest: Tensor | None = None
        self.counts: Tensor | None = None

    def see(self, values: Tensor) -> None:
        """Take in all numbers of a tensor."""
        magnitudes = values.abs().flatten()
        largest = magnitudes.amax()
        self.largest = largest if self.largest is None else torch.maximum(self.largest, largest)
        if self.percentile < 100.0:
            bins = magnitudes.contiguous().view(torch.int32) >> _DROPPED_BITS
            counts = torch.bincount(bins, minlength=_BINS)
            self.counts = counts if self.counts is None else self.counts + counts

    def value(self) -> Tensor:
        """0-dimensional; NaN or infinity where the largest one is."""
        assert self.largest is not None
        if self.counts is None or not bool(torch.isfinite(self.largest)):
            return self.largest
        below = self.counts.cumsum(0)
        wanted = (self.percentile / 100.0 * below[-1].double()).view(1)
        index = torch.searchsorted(below.double(), wanted)[0]
        upper = ((index + 1) << _DROPPED_BITS).to(torch.int32).view(torch.float32)
        return torch.minimum(self.largest, upper)
