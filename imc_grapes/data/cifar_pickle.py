"""The pickles of CIFAR's published python layout, read without running anything that a file could bring along.

A class of NumPy in the hands of a pickle is a pointer of its own choice (``ndarray((1,), 'O', b'AAAAAAAA')``). So
none is given out: what the files ask for are stand-ins that keep their arguments, from which arrays of numbers are
made here. Which operations a file consists of is looked at before any is carried out.
"""

import io
import math
import pickle
import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.bounded_file import MEBIBYTE, read_bounded
from kernels.errors import InputError

_MOST_BYTES = 512 * MEBIBYTE
"""The largest published batch, CIFAR-100's training images, has 155 MB."""
_NUMBERS = frozenset(["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"])
_MOST_AXES = 4
_MOST_CALLS = 64
"""Calls and tuples: an array takes four."""
_CALLS = frozenset(
    ["GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"]
)
_PLAIN = frozenset(
    [
        "PROTO", "FRAME", "STOP", "MARK", "EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "SETITEM", "SETITEMS",
        "APPEND", "APPENDS", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1",
        "SHORT_BINSTRING", "BINSTRING", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8",
        "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "BINPUT", "LONG_BINPUT", "MEMOIZE", "BINGET",
        "LONG_BINGET",
    ]
)  # fmt: skip
_NDARRAY = "ndarray"


class _Dtype:
    """``numpy.dtype(code, align, copy)``, and what was set of it afterwards."""

    def __init__(self, code: Any, align: Any = False, copy: Any = False) -> None:
        name = code.decode("ascii") if isinstance(code, bytes) else code
        if type(name) is not str or name not in _NUMBERS:
            raise pickle.UnpicklingError(f"an array of {code!r:.40}, not of whole numbers")
        self.name, self.order = name, "="

    def __setstate__(self, state: Any) -> None:
        order = state[1] if type(state) is tuple and len(state) > 1 else None
        order = order.decode("ascii") if isinstance(order, bytes) else order
        if order not in ("|", "<", ">", "=") or any(one is not None for one in state[2:5]):
            raise pickle.UnpicklingError("an array of something else than whole numbers")
        self.order = order

    @property
    def numpy(self) -> np.dtype[Any]:
        return np.dtype(("" if self.order == "|" else self.order) + self.name)


class _Array:
    """``numpy.ndarray`` as pickles rebuild it: first empty, then given a shape, a type and bytes."""

    values: NDArray[Any] | None = None

    def __setstate__(self, state: Any) -> None:
        if type(state) is not tuple or len(state) != 5:
            raise pickle.UnpicklingError("an array without shape, type and bytes")
        _, shape, dtype, by_column, content = state
        self.values = _array(content, dtype, shape, "F" if by_column else "C")


def _reconstruct(kind: Any, shape: Any, code: Any) -> _Array:
    if kind != _NDARRAY:
        raise pickle.UnpicklingError("an array of another class")
    return _Array()


def _frombuffer(content: Any, dtype: Any, shape: Any, order: Any, *more: Any) -> _Array:
    made = _Array()
    made.values = _array(content, dtype, shape, order)
    return made


def _array(content: Any, dtype: Any, shape: Any, order: Any) -> NDArray[Any]:
    known = (
        isinstance(dtype, _Dtype) and type(content) in (bytes, bytearray) and order in ("C", "F")
    )
    sizes = type(shape) is tuple and all(type(size) is int and size >= 0 for size in shape)
    if not known or not sizes or not 1 <= len(shape) <= _MOST_AXES:
        raise pickle.UnpicklingError("an array without shape, type and bytes")
    if math.prod(shape) * dtype.numpy.itemsize != len(content):
        raise pickle.UnpicklingError(f"an array of shape {list(shape)} in {len(content):,} bytes")
    return np.frombuffer(content, dtype.numpy).reshape(shape, order=order)


def _bytes(text: Any, encoding: Any) -> bytes:
    """How Python 3 writes bytes for older pickle protocols."""
    if type(text) is not str or encoding != "latin1":
        raise pickle.UnpicklingError("bytes in another encoding")
    return text.encode("latin1")


class _Call:
    """A function that a pickle may call, and not change."""

    __slots__ = ("_called",)

    def __init__(self, called: Callable[..., Any]) -> None:
        self._called = called

    def __call__(self, *arguments: Any) -> Any:
        return self._called(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("it changes what it calls")


_ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _Call(_Dtype),
    ("_codecs", "encode"): _Call(_bytes),
}
for _core in ("numpy.core", "numpy._core"):
    _ADMITTED[f"{_core}.multiarray", "_reconstruct"] = _Call(_reconstruct)
    _ADMITTED[f"{_core}.numeric", "_frombuffer"] = _Call(_frombuffer)


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ADMITTED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it asks for {module:.40}.{name:.40}, which arrays do not need"
            ) from None


def read_arrays(path: Path) -> dict[str, Any]:
    """The dictionary of arrays, lists and numbers in the pickle at `path`.

    Raises:
        InputError: the file cannot be read, is no pickled dictionary, is larger than 512 MiB, or asks for anything
            else than arrays of whole numbers.
    """
    try:
        pickled = read_bounded(path, _MOST_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        _refuse_other_operations(pickled)
        content = _ArraysOnly(io.BytesIO(pickled), encoding="bytes").load()
    except Exception as error:
        cause = str(error).partition("\n")[0] or type(error).__name__
        raise InputError(f"{path}: is not a batch of CIFAR's python layout: {cause}") from None
    if not isinstance(content, dict):
        raise InputError(
            f"{path}: is not a batch of CIFAR's python layout: it holds a {type(content).__name__}"
        )
    return {_name(key, path): _values(value) for key, value in content.items()}


def _refuse_other_operations(pickled: bytes) -> None:
    calls = 0
    for number, (operation, argument, _) in enumerate(pickletools.genops(pickled)):
        if operation.name in _CALLS:
            calls += 1
        elif operation.name not in _PLAIN:
            raise pickle.UnpicklingError(f"it asks for {operation.name}, which arrays do not need")
        # Python makes room for all numbers up to the largest.
        if operation.name.endswith("BINPUT") and int(argument or 0) > number:
            raise pickle.UnpicklingError(f"it keeps value number {argument} of {number}")
        if calls > _MOST_CALLS:
            raise pickle.UnpicklingError(f"it makes more than {_MOST_CALLS} calls and tuples")


def _name(key: Any, path: Path) -> str:
    if isinstance(key, bytes):
        key = key.decode("utf-8", "replace")
    if type(key) is not str:
        raise InputError(f"{path}: is not a batch of CIFAR's python layout: a key is no name")
    return key


def _values(value: Any) -> Any:
    return value.values if isinstance(value, _Array) else value
