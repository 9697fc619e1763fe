"""Permuted images: one data set as several tasks of equal difficulty that share nothing but the labels.

Goodfellow et al., arXiv 1312.6211 (2013); Kirkpatrick et al., PNAS 114, 3521 (2017).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from imc_grapes.data.dataset import Dataset, Split
from imc_grapes.data.samples import Samples
from imc_grapes.seeding import generator


@dataclass(frozen=True)
class PermutedTasks:
    """The images of one split, once for every task; its order as samples is task by task."""

    base: Split
    permutations: tuple[Tensor, ...]
    """Per task, ``[pixels]`` int64: which pixel of the image stands at each place. Channels are permuted alike."""

    @property
    def count(self) -> int:
        """Number of tasks."""
        return len(self.permutations)

    def task(self, number: int) -> Split:
        """The images as task `number`, counted from 0, shows them."""
        images = self.base.images
        shuffled = images.flatten(2)[:, :, self.permutations[number]].view_as(images)
        return Split(shuffled, self.base.labels)

    def __len__(self) -> int:
        return len(self.base) * self.count

    @property
    def n_features(self) -> int:
        """Pixels of all channels."""
        return self.base.n_features

    def first(self, samples: int | None) -> "PermutedTasks":
        """The first `samples` images of every task, or all of them."""
        return PermutedTasks(self.base.first(samples), self.permutations)

    def to(self, device: torch.device | str) -> "PermutedTasks":
        """The same on a device of torch."""
        return PermutedTasks(
            self.base.to(device), tuple(one.to(device) for one in self.permutations)
        )

    def batches(self, batch_size: int, order: torch.Generator | None) -> Iterator[Split]:
        """Batches of one task after another."""
        for number in range(self.count):
            yield from self.task(number).batches(batch_size, order)

    def n_batches(self, batch_size: int) -> int:
        """How many batches there are in all tasks together."""
        return self.base.n_batches(batch_size) * self.count


def as_permuted_tasks(dataset: Dataset, count: int, seed: int) -> Dataset:
    """`dataset`, each part of it as `count` tasks; the first shows the images as they are.

    Args:
        dataset: images.
        count: number of tasks.
        seed: decides the permutations, and with them the order of the tasks.
    """
    _, height, width = dataset.image_shape
    pixels = height * width
    drawn = (
        torch.randperm(pixels, generator=generator(seed, "task permutation", number))
        for number in range(1, count)
    )
    permutations = (torch.arange(pixels), *drawn)

    def as_tasks(samples: Samples) -> PermutedTasks:
        assert isinstance(samples, Split)
        return PermutedTasks(samples, permutations)

    return replace(
        dataset,
        train=as_tasks(dataset.train),
        validation=as_tasks(dataset.validation),
        test=as_tasks(dataset.test),
    )
