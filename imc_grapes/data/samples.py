"""What the training loop asks of any collection of samples: images, chorales, running text."""

from collections.abc import Iterator
from typing import Any, Protocol, Self

import torch


class Samples(Protocol):
    """A part of a data set, in memory."""

    def __len__(self) -> int:
        """Number of samples."""
        ...

    @property
    def n_features(self) -> int:
        """Inputs that one sample, or one time step of it, gives a network."""
        ...

    def first(self, samples: int | None) -> Self:
        """The first `samples`, or all."""
        ...

    def to(self, device: torch.device | str) -> Self:
        """The same on a device of torch."""
        ...

    def batches(self, batch_size: int, order: torch.Generator | None) -> Iterator[Any]:
        """Batches, shuffled by the generator `order`, or as they stand if it is None."""
        ...

    def n_batches(self, batch_size: int) -> int:
        """How many batches there are."""
        ...
