"""Images in four idx files: what MNIST, Fashion-MNIST and EMNIST have in common."""

from pathlib import Path
from typing import ClassVar

import torch

from imc_grapes.data.base import Files, ImageData
from imc_grapes.data.dataset import Split
from imc_grapes.data.idx import read_idx
from imc_grapes.data.locate import find_files
from kernels.errors import InputError

_BRIGHTEST = 255.0
_KINDS = {"images": "idx3", "labels": "idx1"}


def idx_files(folder: str, published: str, prefix: str = "{part}-{kind}") -> Files:
    """Files for images and labels, whose names begin with `prefix`."""
    names = {
        f"{part}-{kind}": prefix.format(part=part, kind=kind) + f"-{_KINDS[kind]}-ubyte"
        for part in ("train", "test")
        for kind in _KINDS
    }
    return Files(((folder, names),), published)


def mnist_files(folder: str, published: str) -> Files:
    """The names that MNIST gave to its files, and others after it."""
    files = idx_files(folder, published)
    ((folder, names),) = files.layouts
    return Files(
        ((folder, {part: name.replace("test", "t10k") for part, name in names.items()}),), published
    )


class IdxData(ImageData):
    """Images of 28x28 in one channel."""

    image_shape: ClassVar[tuple[int, int, int] | None] = (1, 28, 28)
    n_classes: ClassVar[int | None] = 10
    transposed: ClassVar[bool] = False
    """Whether the images are stored on their side."""
    first_label: ClassVar[int] = 0

    def read(self, data_dir: Path | None) -> tuple[Split, Split]:
        """Training and test images, upright, scaled to [0, 1]; labels from 0.

        Raises:
            InputError: a file is missing or broken.
        """
        files = find_files(self.name, data_dir)
        splits = []
        for part in ("train", "test"):
            images, labels = read_idx(files[f"{part}-images"]), read_idx(files[f"{part}-labels"])
            if images.ndim != 3 or labels.shape != images.shape[:1]:
                raise InputError(
                    f"{files[f'{part}-images']} and {files[f'{part}-labels']}: do not belong together "
                    f"(shapes {images.shape} and {labels.shape})"
                )
            pixels = torch.tensor(images, dtype=torch.float32).unsqueeze(1) / _BRIGHTEST
            classes = torch.tensor(labels, dtype=torch.int64) - self.first_label
            if self.transposed:
                pixels = pixels.transpose(2, 3).contiguous()
            if not (len(classes) and classes.min() >= 0 and classes.max() < (self.n_classes or 0)):
                raise InputError(
                    f"{files[f'{part}-labels']}: holds no labels, or others than those of '{self.name}'"
                )
            splits.append(Split(pixels, classes))
        training, test = splits
        if training.images.shape[1:] != test.images.shape[1:]:
            raise InputError(
                f"{files['train-images']} and {files['test-images']}: hold images of different sizes"
            )
        return training, test
