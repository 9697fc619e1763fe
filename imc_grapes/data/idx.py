"""The idx format of MNIST and its kin: a magic number, the sizes of the axes, then the bytes."""

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kernels.bounded_file import MEBIBYTE, in_mebibytes
from kernels.errors import InputError

_UNSIGNED_BYTES = 0x08
_MOST_AXES = 4
_MOST_BYTES = 256 * MEBIBYTE
"""The largest published file of this kind, of EMNIST's letters, has 93 MiB."""


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """The array of unsigned bytes in the idx file at `path`, gzipped if its name ends in ``.gz``.

    Raises:
        InputError: the file cannot be read, is no idx file of unsigned bytes, is cut short, has an axis of size 0 or
            more than 4 axes, or states more than 256 MiB. Nothing is read beyond the stated shape.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            shape = _shape(path, file)
            stated = math.prod(shape)
            content = file.read(stated + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    if len(content) != stated:
        raise InputError(f"{path}: is cut short or too long for the shape {shape} that it states")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _shape(path: Path, file: Any) -> tuple[int, ...]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] != _UNSIGNED_BYTES:
        raise InputError(f"{path}: is not an idx file of unsigned bytes")
    axes = magic[3]
    if not 1 <= axes <= _MOST_AXES:
        raise InputError(f"{path}: states {axes} axes; 1 to {_MOST_AXES} are read")
    header = file.read(4 * axes)
    if len(header) < 4 * axes:
        raise InputError(f"{path}: is cut short within its header")
    shape = tuple(int(size) for size in np.frombuffer(header, ">u4"))
    if 0 in shape:
        raise InputError(f"{path}: holds nothing: its shape is {shape}")
    if math.prod(shape) > _MOST_BYTES:
        raise InputError(
            f"{path}: states the shape {shape}, which is more than {in_mebibytes(_MOST_BYTES)}, the most that is read"
        )
    return shape
