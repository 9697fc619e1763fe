"""CIFAR-10 and CIFAR-100 in either of their published layouts, python or binary.

Krizhevsky, *Learning multiple layers of features from tiny images* (2009).
"""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from imc_grapes.data.base import ImageData
from imc_grapes.data.bytes_to_split import bytes_to_split
from imc_grapes.data.cifar_pickle import read_arrays
from imc_grapes.data.dataset import Split
from imc_grapes.data.locate import find_files
from kernels.bounded_file import MEBIBYTE, read_bounded
from kernels.errors import InputError

_SHAPE = (3, 32, 32)
_PIXELS = 3 * 32 * 32
_MOST_BYTES = 512 * MEBIBYTE
_MOST_CLASSES = 1 << 31
_MOST_NAMED = 8
_MOST_LETTERS = 40

_Arrays = tuple[npt.NDArray[np.uint8], npt.NDArray[np.integer]]


class CifarData(ImageData):
    """Images of 32x32 in three channels."""

    image_shape: ClassVar[tuple[int, int, int] | None] = _SHAPE
    label_key: ClassVar[str]
    """Of the python layout."""
    label_bytes: ClassVar[int]
    """Before the pixels of each image of the binary layout; the last of them is the label."""

    def read(self, data_dir: Path | None) -> tuple[Split, Split]:
        """Training and test images ``[n, 3, 32, 32]``, scaled to [0, 1].

        Raises:
            InputError: a file is missing or broken.
        """
        files = find_files(self.name, data_dir)
        parts = {part: self._read_batch(path) for part, path in files.items()}
        test = parts.pop("test")
        batches = list(parts.values())
        training = Split(
            torch.cat([batch.images for batch in batches]),
            torch.cat([batch.labels for batch in batches]),
        )
        return training, test

    def _read_batch(self, path: Path) -> Split:
        binary = path.suffix == ".bin"
        pixels, labels = (
            _binary(self.label_bytes, path) if binary else _python(self.label_key, path)
        )
        images = pixels.reshape(-1, *_SHAPE)
        return bytes_to_split(images, labels, self.n_classes or 0, str(path))


def _python(key: str, path: Path) -> _Arrays:
    content = read_arrays(path)
    for wanted in ("data", key):
        if wanted not in content:
            held = ", ".join(name[:_MOST_LETTERS] for name in [*content][:_MOST_NAMED])
            raise InputError(f"{path}: holds no '{wanted}', but {held or 'nothing'}")
    pixels = content["data"]
    if not _is_pixels(pixels):
        raise InputError(f"{path}: 'data' must be an array of bytes [n, {_PIXELS}]")
    labels = content[key]
    whole = isinstance(labels, list) and all(
        type(label) is int and 0 <= label < _MOST_CLASSES for label in labels
    )
    if not whole:
        raise InputError(
            f"{path}: '{key}' must be a list of whole numbers, 0 to {_MOST_CLASSES - 1}"
        )
    return pixels, np.array(labels, np.int64)


def _is_pixels(value: Any) -> bool:
    return (
        isinstance(value, np.ndarray)
        and value.dtype == np.uint8
        and value.ndim == 2
        and value.shape[1] == _PIXELS
    )


def _binary(label_bytes: int, path: Path) -> _Arrays:
    try:
        content = np.frombuffer(read_bounded(path, _MOST_BYTES), np.uint8)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    record = label_bytes + _PIXELS
    if len(content) % record:
        raise InputError(
            f"{path}: is cut short, or not of CIFAR's binary layout: "
            f"its {len(content)} bytes are no multiple of {record}"
        )
    records = content.reshape(-1, record)
    return records[:, -_PIXELS:], records[:, label_bytes - 1]
