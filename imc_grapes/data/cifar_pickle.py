"""The pickles of CIFAR's published python layout, read without running anything that a file could bring along."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy._core import multiarray, numeric

from kernels.errors import InputError


def _dtype(code: str | bytes, align: Any = False, copy: Any = False) -> np.dtype[Any]:
    """As Python 2 wrote it: the code in bytes, truth values as numbers."""
    name = code.decode("ascii") if isinstance(code, bytes) else code
    return np.dtype(name, align=bool(align), copy=bool(copy))


def _bytes(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes for older pickle protocols."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes in the encoding {encoding!r}")
    return text.encode("latin1")


_ADMITTED: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _bytes,
}
for _core in ("numpy.core", "numpy._core"):
    _ADMITTED[f"{_core}.multiarray", "_reconstruct"] = multiarray._reconstruct
    _ADMITTED[f"{_core}.multiarray", "scalar"] = multiarray.scalar
    _ADMITTED[f"{_core}.numeric", "_frombuffer"] = numeric._frombuffer  # type: ignore[attr-defined]
"""All that arrays and numbers need beside the plain types; anything else in a file is refused."""


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ADMITTED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it asks for {module}.{name}, which arrays do not need"
            ) from None


def read_arrays(path: Path) -> dict[str, Any]:
    """The dictionary of arrays, lists and numbers in the pickle at `path`.

    Raises:
        InputError: the file cannot be read, is no pickled dictionary, or asks for anything else than arrays.
    """
    try:
        with path.open("rb") as file:
            content = _ArraysOnly(file, encoding="bytes").load()
    except Exception as error:
        raise InputError(f"{path}: is not a batch of CIFAR's python layout: {error}") from None
    if not isinstance(content, dict):
        raise InputError(
            f"{path}: is not a batch of CIFAR's python layout: it holds a {type(content).__name__}"
        )
    return {
        key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key): value
        for key, value in content.items()
    }
