"""The idx format of MNIST and its kin: a magic number, the sizes of the axes, then the bytes."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kernels.errors import InputError

_UNSIGNED_BYTES = 0x08


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """The array of unsigned bytes in the idx file at `path`, gzipped if its name ends in ``.gz``.

    Raises:
        InputError: the file cannot be read, is no idx file of unsigned bytes, or is cut short.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _UNSIGNED_BYTES:
        raise InputError(f"{path}: is not an idx file of unsigned bytes")
    dimensions = content[3]
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise InputError(f"{path}: is cut short within its header")
    shape = tuple(int(size) for size in np.frombuffer(content[4:header], ">u4"))
    if len(content) - header != math.prod(shape):
        raise InputError(f"{path}: is cut short or too long for the shape {shape} that it states")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
