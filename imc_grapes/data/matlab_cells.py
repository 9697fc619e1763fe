"""MATLAB 5 files of cells of matrices, measured before SciPy reads them.

SciPy makes room for as many cells as a file claims, and unpacks whatever is packed in it.
"""

import io
import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scipy.io import loadmat

from kernels.bounded_file import MEBIBYTE, in_mebibytes, read_bounded
from kernels.errors import InputError

MOST_BYTES = 64 * MEBIBYTE
"""Packed and unpacked; the JSB chorales have 94 KiB, and 4 MiB unpacked."""
_HEADER = 128
_COMPRESSED, _MATRIX = 15, 14
_CELL, _NUMBERS = 1, range(6, 16)
_MOST_DEPTH = 4


def read_cells(path: Path) -> dict[str, Any]:
    """The variables in the file at `path`, as `scipy.io.loadmat` gives them.

    Raises:
        InputError: the file cannot be read, is no MATLAB 5 file, is larger than 64 MiB once unpacked, or holds
            something else than numbers and cells of numbers.
    """
    try:
        content = read_bounded(path, MOST_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        plain = _unpacked(content)
        for kind, element in _elements(plain[_HEADER:]):
            if kind == _MATRIX:
                _check_matrix(element, 0)
        return dict(loadmat(io.BytesIO(plain)))
    except InputError as error:
        raise InputError(f"{path}: cannot be read as a MATLAB file: {error}") from None
    except Exception as error:
        cause = str(error).partition("\n")[0] or type(error).__name__
        raise InputError(f"{path}: cannot be read as a MATLAB file: {cause}") from None


def _unpacked(content: bytes) -> bytes:
    """The same file with nothing packed in it."""
    if len(content) < _HEADER or content[124:128] != b"\x00\x01IM":
        raise InputError("it is none of version 5, little-endian")
    parts, room = [content[:_HEADER]], MOST_BYTES
    for kind, element in _elements(content[_HEADER:]):
        if kind == _COMPRESSED:
            part = zlib.decompressobj().decompress(element, room + 1)
        else:
            part = struct.pack("<II", kind, len(element)) + element
        room -= len(part)
        if room < 0:
            raise InputError(f"it unpacks to more than {in_mebibytes(MOST_BYTES)}")
        parts.append(part)
    return b"".join(parts)


def _elements(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and bytes of each element; four bytes or fewer may stand in the tag itself."""
    place = 0
    while place + 8 <= len(content):
        kind, size = struct.unpack_from("<II", content, place)
        if kind >> 16:
            kind, size = kind & 0xFFFF, kind >> 16
            if size > 4:
                raise InputError("an element is damaged")
            yield kind, content[place + 4 : place + 4 + size]
            place += 8
            continue
        if size > len(content) - place - 8:
            raise InputError("it is cut short, or an element is longer than the file")
        yield kind, content[place + 8 : place + 8 + size]
        place += 8 + size
        if kind != _COMPRESSED:
            place += -size % 8


def _check_matrix(content: bytes, depth: int) -> None:
    parts = list(_elements(content))
    if depth > _MOST_DEPTH or len(parts) < 3 or len(parts[0][1]) < 8:
        raise InputError("a matrix is damaged")
    flags, sizes = parts[0][1], parts[1][1]
    kind = flags[0]
    count = math.prod(struct.unpack(f"<{len(sizes) // 4}i", sizes[: len(sizes) // 4 * 4]))
    if kind == _CELL:
        if count != len(parts) - 3 or any(one != _MATRIX for one, _ in parts[3:]):
            raise InputError(f"a matrix claims {count:,} cells and has {len(parts) - 3}")
        for _, cell in parts[3:]:
            _check_matrix(cell, depth + 1)
    elif kind not in _NUMBERS:
        raise InputError("it holds something else than numbers and cells of numbers")
    elif not 0 <= count <= len(content):
        raise InputError(f"a matrix claims {count:,} numbers in {len(content):,} bytes")
