"""Digital shadow weights for open-loop training, in which devices are written and never read back."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class WeightCopy:
    """Digital shadow weights beside the array: one read after programming, then every pulse at its nominal size.

    It knows nothing of the spread of the pulses, of devices that fill up or are stuck, or of drift, and so departs
    from the devices for as long as they are not read.

    Args:
        shape: (n_out, n_in).
        weight_range: no pair holds a weight beyond it, so the copy does not either.

    Attributes:
        weights: float32 [n_out, n_in].
    """

    def __init__(self, shape: tuple[int, int], weight_range: float) -> None:
        self.weights = torch.zeros(shape)
        self._weight_range = weight_range

    def start_from(self, read: Tensor) -> None:
        """Take over weights [n_out, n_in] that were read."""
        self.weights.copy_(read)

    def note(self, counts: NDArray[np.int16], weight_per_pulse: float) -> None:
        """Add `counts` [n_out * n_in] pulses, negative ones on the minus devices, at `weight_per_pulse` each."""
        steps = torch.from_numpy(counts).view(self.weights.shape)
        self.weights.add_(steps, alpha=weight_per_pulse)
        self.weights.clamp_(-self._weight_range, self._weight_range)
