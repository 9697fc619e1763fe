"""4,000 images of CIFAR-10: enough to run a network on real images, not to quote a CIFAR-10 accuracy."""

import math
import zipfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

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
            with zipfile.ZipFile(path) as archive:
                pixels = _array(archive, "x", (IMAGES, 32, 32, 3), "bytes", "u1")
                labels = _array(archive, "y", (IMAGES,), "whole numbers", "u1 u2 u4 u8 i1 i2 i4 i8")
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        except Exception as error:
            cause = str(error).partition("\n")[0] or type(error).__name__
            raise InputError(f"{path}: is no npz file with the arrays x and y: {cause}") from None
        channels_first = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
        split = bytes_to_split(channels_first, labels, self.n_classes or 0, str(path))
        cut = TRAINING_IMAGES
        return (
            Split(split.images[:cut], split.labels[:cut]),
            Split(split.images[cut:], split.labels[cut:]),
        )


def _array(
    archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], wanted: str, codes: str
) -> npt.NDArray[Any]:
    """An array whose header is looked at before room is made for it."""
    with archive.open(f"{name}.npy") as file:
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read is None:
            raise InputError(
                f"{name} is of version {version} of NumPy's format; 1.0 and 2.0 are read"
            )
        found, by_column, dtype = read(file)
        if found != shape or dtype.str[1:] not in codes.split():
            raise InputError(f"{name} must be {wanted} {list(shape)}, not {dtype} {list(found)}")
        size = math.prod(shape) * dtype.itemsize
        content = file.read(size)
    if len(content) != size:
        raise InputError(f"{name} is cut short")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if by_column else "C")
