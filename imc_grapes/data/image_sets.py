"""Every data set of images by its name in ``data.name``: its classes, its size, and how it is read."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from imc_grapes.data import cifar, cifar10_4k, idx_dataset
from imc_grapes.data.dataset import Split
from imc_grapes.data.digits import read_digits


@dataclass(frozen=True)
class ImageSet:
    """A data set of images."""

    n_classes: int
    image_shape: tuple[int, int, int]
    """Channels, height, width."""
    read: Callable[[Path | None], tuple[Split, Split]]
    """Training and test images, from the folder that is searched first."""


IMAGE_SETS = {
    "digits": ImageSet(10, (1, 8, 8), lambda _: read_digits()),
    **{
        name: ImageSet(n_classes, (1, 28, 28), partial(idx_dataset.read_idx_dataset, name))
        for name, n_classes in idx_dataset.N_CLASSES.items()
    },
    **{
        name: ImageSet(n_classes, cifar.IMAGE_SHAPE, partial(cifar.read_cifar, name))
        for name, n_classes in cifar.N_CLASSES.items()
    },
    "cifar10_4k": ImageSet(cifar10_4k.N_CLASSES, cifar.IMAGE_SHAPE, cifar10_4k.read_cifar10_4k),
}
