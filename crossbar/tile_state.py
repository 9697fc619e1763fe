"""The state of a tile as plain data: arrays, numbers and strings, which a file gives back without running code.

`torch.load(..., weights_only=True)`, torch's default, reads it. A class or a function that a file names is not
looked up: the parts of a configuration are described by their values, and read into the classes of the tile that
takes the state over.
"""

import copy
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, Self

import numpy as np
import torch
from aihwkit.simulator.tiles.base import AnalogTileStateNames
from torch import Tensor

from crossbar.streams import TileStreams
from device_models.parameters import Parameters
from kernels.errors import InputError

_OF_THE_TILE = (type, TileStreams)
_MOST_IN_A_TUPLE = 8
_COUNTED = 2**63


class TileState(dict[str, Any]):
    """Devices, update circuits, streams and configuration of one tile: no tensor, but copied as one is.

    `{key: value.detach().cpu().clone() for key, value in model.state_dict().items()}` works with it, and so do
    `copy.deepcopy`, `pickle` and `torch.save`; `torch.load` reads it with `weights_only=True`.
    """

    def clone(self) -> Self:
        """A copy that shares nothing."""
        return copy.deepcopy(self)

    def detach(self) -> Self:
        """Itself: nothing in it is part of a graph."""
        return self

    def cpu(self) -> Self:
        """Itself: it lies on the CPU."""
        return self

    def __reduce__(self) -> tuple[Any, tuple[dict[str, Any]]]:
        return restored_tile_state, (_arrays_as_tensors(dict(self)),)


def restored_tile_state(values: Any) -> TileState:
    """The state whose arrays were written as tensors; whether it fits is seen by the tile that takes it over.

    Raises:
        InputError: it is not even a dict.
    """
    if type(values) is not dict:
        raise InputError(f"the state of a tile is a {type(values).__name__}, not a dict")
    extra = AnalogTileStateNames.EXTRA
    return TileState({**values, extra: _tensors_as_arrays(values.get(extra))})


torch.serialization.add_safe_globals([restored_tile_state])


def described(config: Any) -> dict[str, Any]:
    """Every value of a tile's configuration by its name, in numbers, strings, lists and dicts.

    Left out is what belongs to the tile: its class and the count of its streams.
    """
    values = {field.name: getattr(config, field.name) for field in fields(config)}
    return {
        name: _described(value)
        for name, value in values.items()
        if not isinstance(value, _OF_THE_TILE)
    }


def read_config(values: Any, own: Any) -> Any:
    """The configuration that `described` gave `values` for.

    Args:
        values: as they came from a file, by whomever.
        own: the configuration of the tile that is to take it over; not changed.

    Raises:
        InputError: there is no such configuration.
    """
    mine = described(own)
    if same(values, mine):
        return copy.deepcopy(own)
    if not isinstance(values, dict) or set(values) != set(mine):
        raise InputError(
            "the state's configuration has other parts than those of this tile; it comes from another version, or "
            "is damaged"
        )
    parts = {field.name: getattr(own, field.name) for field in fields(own)}
    given = {
        field.name: parts[field.name]
        if same(values[field.name], mine[field.name])
        else values[field.name]
        for field in fields(own)
        if field.init and field.name in values and not _is_aihwkits(parts[field.name])
    }
    aihwkits = {
        name: _read_like(parts[name], value, name)
        for name, value in values.items()
        if _is_aihwkits(parts[name])
    }
    passed = {
        field.name: aihwkits[field.name]
        for field in fields(own)
        if field.init and field.name in aihwkits
    }
    # The converters as they were given: in units of the weight range, or aihwkit's, of both directions.
    io = aihwkits["forward"] if values["io_spec"] is None else values["io_spec"]
    try:
        read = type(own)(**copy.deepcopy(given), **passed, io=io)
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(f"the state's configuration is none of a PCM tile: {error}") from None
    for field in fields(own):
        if field.init or field.name not in values or field.name == "io_spec":
            continue
        plain = _is_aihwkits(parts[field.name])
        value = aihwkits[field.name] if plain else values[field.name]
        if not plain and type(value) is not type(parts[field.name]):
            raise InputError(f"the state's configuration: {field.name}: got {value!r}")
        setattr(read, field.name, value)
    read.tile_class, read.tile_array_class = own.tile_class, own.tile_array_class
    read.streams = own.streams
    return read


def same(given: Any, own: Any) -> bool:
    """Whether plain values are equal; a tensor or an array, as a file may hold it anywhere, is equal to none."""
    if isinstance(own, dict):
        alike = isinstance(given, dict) and set(given) == set(own)
        return alike and all(same(given[name], value) for name, value in own.items())
    if isinstance(own, list | tuple):
        alike = isinstance(given, type(own)) and len(given) == len(own)
        return alike and all(map(same, given, own))
    return not isinstance(given, Tensor | np.ndarray) and bool(given == own)


def refuse_other_form(given: Any, own: Any, where: str) -> None:
    """Refuse values of another kind, shape or number format than `own` has, before a kernel sees them.

    Args:
        given: as they came from a file, by whomever.
        own: the same of the tile that is to take them over.
        where: their name.

    Raises:
        InputError: they are; names where. Also for numbers that are not finite, and for counts below 0.
    """
    if isinstance(own, dict):
        if not isinstance(given, dict) or set(given) != set(own):
            raise InputError(f"the state's {where} has other parts than {', '.join(own)}")
        for name, value in own.items():
            refuse_other_form(given[name], value, f"{where}.{name}")
        return
    if isinstance(own, np.ndarray | Tensor):
        if not isinstance(given, type(own)):
            raise InputError(f"the state's {where} is a {type(given).__name__}, not an array")
        if (given.dtype, tuple(given.shape)) != (own.dtype, tuple(own.shape)):
            raise InputError(
                f"the state's {where} is {given.dtype} of shape {tuple(given.shape)}, this tile's {own.dtype} of "
                f"{tuple(own.shape)}"
            )
        values = given.detach().numpy() if isinstance(given, Tensor) else given
        if not np.isfinite(values).all():
            raise InputError(f"the state's {where} holds a value that is not finite")
        return
    if isinstance(own, tuple):
        known = isinstance(given, tuple) and len(given) <= _MOST_IN_A_TUPLE
        if not known or not all(type(one) in (int, str) for one in given):
            raise InputError(f"the state's {where} is no tuple of numbers and names")
        return
    if type(given) is not type(own):
        raise InputError(
            f"the state's {where} is a {type(given).__name__}, this tile's a {type(own).__name__}"
        )
    if isinstance(own, float) and not math.isfinite(given):
        raise InputError(f"the state's {where} is {given}")
    if isinstance(own, int) and not 0 <= given < _COUNTED:
        raise InputError(f"the state's {where} is {given}; it must be 0 or more, and below 2^63")


def _described(value: Any) -> Any:
    if isinstance(value, Parameters):
        return value.model_dump(mode="json")
    if isinstance(value, Enum):
        return value.name
    if is_dataclass(value):
        return {
            field.name: _described(getattr(value, field.name))
            for field in fields(value)
            if not isinstance(getattr(value, field.name), _OF_THE_TILE)
        }
    if isinstance(value, list | tuple):
        return [_described(one) for one in value]
    if isinstance(value, Mapping):
        return {str(name): _described(one) for name, one in value.items()}
    return value


def _is_aihwkits(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, TileStreams)


def _read_like(own: Any, value: Any, where: str) -> Any:
    """A copy of aihwkit's parameters `own` with other values of the same types."""
    if is_dataclass(own) and not isinstance(own, type):
        names = {field.name for field in fields(own)}
        if not isinstance(value, dict) or not set(value) <= names:
            raise InputError(f"the state's configuration: {where}: no parameters of aihwkit")
        return replace(
            own,
            **{
                name: _read_like(getattr(own, name), one, f"{where}.{name}")
                for name, one in value.items()
            },
        )
    if isinstance(own, Enum):
        if not isinstance(value, str) or value not in type(own).__members__:
            raise InputError(f"the state's configuration: {where}: got {value!r}")
        return type(own)[value]
    plain = type(value) in (bool, int, float, str, type(None))
    numbers = (int, float)
    alike = type(value) is type(own) or (type(value) in numbers and type(own) in numbers)
    if not (plain and alike) and not (plain and None in (own, value)):
        raise InputError(f"the state's configuration: {where}: got {value!r}")
    return value


def _arrays_as_tensors(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        array = np.ascontiguousarray(value)
        # 16-bit words hold bfloat16, which torch can write in every format.
        if array.dtype == np.uint16:
            return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
        return torch.from_numpy(array)
    if isinstance(value, dict):
        return {name: _arrays_as_tensors(one) for name, one in value.items()}
    return value


def _tensors_as_arrays(value: Any) -> Any:
    if isinstance(value, Tensor):
        if value.dtype == torch.bfloat16:
            return value.contiguous().view(torch.int16).numpy().view(np.uint16)
        return value.numpy()
    if isinstance(value, dict):
        return {name: _tensors_as_arrays(one) for name, one in value.items()}
    return value
