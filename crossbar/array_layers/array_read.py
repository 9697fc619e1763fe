"""What the arrays of one layer show when they are read: the seam between programmed devices and the product."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor


@dataclass(frozen=True)
class RowBlockRead:
    """The arrays of one row block: they share their inputs, and hold all output nodes of the layer."""

    weights: Tensor
    """float32 `[n_out, rows]`: what the devices show, in units of a pair at full range."""
    scale: Tensor
    """float32 `[n_out]`: weight that 1 of `weights` stands for."""
    variance: Tensor | None = None
    """float32 `[n_out, rows]`: variance of the read noise of each weight, in the same units squared, drawn anew for
    every input vector; None for none."""
    factor: Tensor | None = None
    """float32 `[n_out]`: digital factor behind the ADC, of drift compensation; None for 1."""

    def map(self, change: Callable[[Tensor], Tensor]) -> "RowBlockRead":
        """The same with every tensor changed: moved to another device."""
        return replace(
            self,
            weights=change(self.weights),
            scale=change(self.scale),
            variance=None if self.variance is None else change(self.variance),
            factor=None if self.factor is None else change(self.factor),
        )


@dataclass(frozen=True)
class ArrayRead:
    """All arrays of one layer at one time.

    `ArrayLayer.set_read` takes it. None of its tensors needs a gradient.
    """

    row_blocks: tuple[RowBlockRead, ...]
    """In the order of `Blocks.row_blocks`."""
    seed: int = 0
    """Fixes the noise that products draw; they count on from 0 whenever a read is set."""
    perfect_converters: bool = False
    """Without DAC and ADC, whatever the layer's config says."""

    def map(self, change: Callable[[Tensor], Tensor]) -> "ArrayRead":
        """The same with every tensor changed: moved to another device."""
        return replace(self, row_blocks=tuple(block.map(change) for block in self.row_blocks))
