"""Images and labels in memory, and batches of them in an order that the seed fixes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from imc_grapes.data.samples import Samples


@dataclass(frozen=True)
class Split:
    """Images ``[n, channels, height, width]`` float32 in [0, 1] and labels ``[n]`` int64."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def n_features(self) -> int:
        """Pixels of all channels."""
        return self.images[0].numel()

    def batches(self, batch_size: int, order: torch.Generator | None) -> Iterator["Split"]:
        """As the function `batches`."""
        return batches(self, batch_size, order)

    def n_batches(self, batch_size: int) -> int:
        """How many batches there are; the last may be smaller."""
        return -(-len(self) // batch_size)

    def first(self, samples: int | None) -> "Split":
        """The first `samples` images, or all of them."""
        return self if samples is None else Split(self.images[:samples], self.labels[:samples])

    def to(self, device: torch.device | str) -> "Split":
        """The same on a device of torch."""
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Dataset:
    """A data set with its training samples already parted from those on which choices are made."""

    name: str
    n_classes: int
    """Outputs of a network: classes, notes, or words."""
    train: Samples
    validation: Samples
    test: Samples

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height, width; of images only."""
        first = next(self.train.first(1).batches(1, order=None))
        channels, height, width = first.images.shape[1:]
        return channels, height, width

    def to(self, device: torch.device | str) -> "Dataset":
        """The same on a device of torch."""
        return replace(
            self,
            train=self.train.to(device),
            validation=self.validation.to(device),
            test=self.test.to(device),
        )


def batches(split: Split, batch_size: int, order: torch.Generator | None) -> Iterator[Split]:
    """Batches of `split`; shuffled by the generator `order`, or as they stand if it is None.

    The last batch may be smaller.
    """
    n = len(split)
    index = torch.arange(n) if order is None else torch.randperm(n, generator=order)
    for start in range(0, n, batch_size):
        chosen = index[start : start + batch_size]
        yield Split(split.images[chosen], split.labels[chosen])
