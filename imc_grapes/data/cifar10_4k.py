"""4,000 images of CIFAR-10: enough to run a network on real images, not to quote a CIFAR-10 accuracy."""

import zipfile
from pathlib import Path
from typing import ClassVar

import numpy as np

from imc_grapes.data.base import DATA, Files, ImageData
from imc_grapes.data.bytes_to_split import bytes_to_split
from imc_grapes.data.dataset import Split
from imc_grapes.data.locate import find_files
from kernels.errors import InputError

TRAINING_IMAGES = 3200
IMAGES = 4000


@DATA.register("cifar10_4k", label="CIFAR-10, 4,000 images")
class CIFAR104kConfig(ImageData):
    """4,000 images of CIFAR-10: enough to run a network on, not to quote a CIFAR-10 accuracy."""

    n_classes: ClassVar[int | None] = 10
    image_shape: ClassVar[tuple[int, int, int] | None] = (3, 32, 32)
    files = Files(
        (("CIFAR10-4k", {"images": "cifar10_train_first4000_lossless.npz"}),),
        "the first 4,000 training images of https://www.cs.toronto.edu/~kriz/cifar.html "
        "as arrays x (uint8 [4000, 32, 32, 3]) and y",
    )

    def read(self, data_dir: Path | None) -> tuple[Split, Split]:
        """The first 4,000 training images of CIFAR-10: the first 3,200 for training, the last 800 for testing.

        CIFAR-10 publishes its images in random order, so the cut is fair as it stands: 302 to 337 images of each class
        are trained on, 64 to 94 tested. An accuracy on them is no CIFAR-10 accuracy: that takes 50,000 and 10,000.

        Raises:
            InputError: the file is missing or broken.
        """
        path = find_files("cifar10_4k", data_dir)["images"]
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
                pixels, labels = content["x"], content["y"]
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
            raise InputError(f"{path}: is no npz file with the arrays x and y: {error}") from None
        if pixels.shape != (IMAGES, 32, 32, 3) or pixels.dtype != np.uint8:
            raise InputError(
                f"{path}: x must be bytes [{IMAGES}, 32, 32, 3], not {pixels.dtype} {list(pixels.shape)}"
            )
        if not np.issubdtype(labels.dtype, np.integer):
            raise InputError(f"{path}: y must be whole numbers, not {labels.dtype}")
        channels_first = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
        split = bytes_to_split(channels_first, labels, self.n_classes or 0, str(path))
        cut = TRAINING_IMAGES
        return (
            Split(split.images[:cut], split.labels[:cut]),
            Split(split.images[cut:], split.labels[cut:]),
        )
