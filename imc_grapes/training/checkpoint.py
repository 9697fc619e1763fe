"""Everything that a training needs to go on to the same result, as tensors, numbers and strings."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from aihwkit.simulator.tiles.base import AnalogTileStateNames
from aihwkit.simulator.tiles.module import TileModule
from pydantic import TypeAdapter
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from crossbar.tile_state import TileState, restored_tile_state
from imc_grapes.grapes import Grapes
from imc_grapes.torch_file import TENSORS, UnsafeCallsError, read_torch_file
from imc_grapes.training.epoch_metrics import EpochMetrics
from imc_grapes.training.loop import Position, Trainer, put_back
from kernels.errors import InputError

_ADMITTED = TENSORS | {f"{restored_tile_state.__module__}.{restored_tile_state.__name__}"}
_PARTS = {
    "config_hash", "computed_on", "model", "optimizer", "order", "global_random_state", "device_random_state",
    "position", "grapes",
}  # fmt: skip
_METRICS = TypeAdapter(EpochMetrics)
_START_AGAIN = "choose a new folder with --out, or remove this one, and start the run again"


def save_checkpoint(trainer: Trainer, identity: str, path: Path) -> None:
    """Write the state of `trainer` to `path`, for the config whose hash is `identity`.

    Raises:
        OSError: the file cannot be written.
        InputError: a part of the network or of the optimizer keeps something else than tensors, numbers and strings.
    """
    position, device = trainer.position, trainer.device
    state = {
        "config_hash": identity,
        "computed_on": {"device": device.type, "threads": torch.get_num_threads()},
        "model": _without_configs(trainer.model.state_dict()),
        "optimizer": trainer.optimizer.state_dict(),
        "order": trainer.order.get_state(),
        "global_random_state": torch.get_rng_state(),
        "device_random_state": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        "position": {
            **vars(position),
            "metrics": [asdict(metrics) for metrics in position.metrics],
            "best": asdict(position.best) if position.best else None,
            "best_weights": _without_configs(position.best_weights)
            if position.best_weights
            else None,
        },
        "grapes": trainer.grapes.state_dict() if trainer.grapes else None,
    }
    plain = _plain(state, "")
    try:
        torch.save(plain, path)
    except RuntimeError as error:
        # How torch says that a disk is full.
        raise OSError(str(error).partition("\n")[0]) from None


def load_checkpoint(trainer: Trainer, identity: str, path: Path) -> dict[str, Any]:
    """Put the state in `path` back into `trainer`, wherever that computes; nothing in the file is run.

    Returns:
        The `device` and the number of `threads` that it was computed with.

    Raises:
        InputError: the file is broken, was written by another version, belongs to another config, or does not fit.
    """
    try:
        state: Any = read_torch_file(path, _ADMITTED)
    except UnsafeCallsError as error:
        raise InputError(
            f"{path}: {error}, which no checkpoint of this version does; it was written by an earlier version, or is "
            f"not yours, and nothing in it was run; {_START_AGAIN}"
        ) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except InputError as error:
        raise InputError(f"{path}: is not a readable checkpoint: it {error}") from None
    if not isinstance(state, dict):
        raise InputError(f"{path}: is not a readable checkpoint: it holds a {type(state).__name__}")
    if set(state) != _PARTS:
        raise InputError(
            f"{path}: is not a readable checkpoint: its parts are not those of this version; {_START_AGAIN}"
        )
    if state["config_hash"] != identity:
        raise InputError(
            f"{path}: belongs to another config (hash {str(state['config_hash'])[:64]}, this one is {identity})"
        )
    try:
        _take_over(trainer, state)
    except Exception as error:
        cause = (str(error) or type(error).__name__).partition("\n")[0]
        raise InputError(
            f"{path}: its content does not fit the run: {cause}; {_START_AGAIN}"
        ) from None
    computed_on: dict[str, Any] = state["computed_on"]
    return computed_on


def _take_over(trainer: Trainer, state: dict[str, Any]) -> None:
    _refuse_odd_computer(state["computed_on"])
    position = _position(state["position"], trainer)
    put_back(trainer.model, _with_configs(state["model"], trainer.model), trainer.optimizer)
    _refuse_other_optimizer(state["optimizer"], trainer)
    trainer.optimizer.load_state_dict(state["optimizer"])
    trainer.order.set_state(state["order"])
    torch.set_rng_state(state["global_random_state"])
    if trainer.device.type == "cuda" and state["device_random_state"] is not None:
        torch.cuda.set_rng_state(state["device_random_state"], trainer.device)
    position.carry = tree_map_only(Tensor, lambda part: part.to(trainer.device), position.carry)
    for name, value in vars(position).items():
        setattr(trainer.position, name, value)
    if trainer.grapes:
        _refuse_other_factors(state["grapes"], trainer.grapes)
        trainer.grapes.load_state_dict(state["grapes"])


def _refuse_odd_computer(state: Any) -> None:
    if not isinstance(state, dict) or set(state) != {"device", "threads"}:
        raise InputError("it does not say what it was computed on")
    if state["device"] not in ("cpu", "cuda"):
        raise InputError(f"it was computed on {state['device']!r}")
    if type(state["threads"]) is not int or state["threads"] < 1:
        raise InputError(f"it was computed on {state['threads']!r} threads")


def _plain(value: Any, where: str) -> Any:
    """The same in the types that a file gives back without code: dict, list, tuple, tensors, numbers, strings.

    Named tuples become tuples: every layer takes its state as one.

    Raises:
        InputError: there is something else in it.
    """
    if value is None or type(value) in (bool, int, float, str, Tensor, nn.Parameter, TileState):
        return value
    if isinstance(value, Mapping):
        return {_plain(name, where): _plain(one, f"{where}.{name}") for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one, where) for one in value]
    if isinstance(value, tuple):
        return tuple(_plain(one, where) for one in value)
    if isinstance(value, np.bool | np.number):
        return value.item()
    raise InputError(
        f"the checkpoint cannot hold {where.removeprefix('.')}: a {type(value).__name__}; a network's and an "
        "optimizer's state is made of tensors, numbers, strings, lists and dicts"
    )


def _without_configs(state: Mapping[str, Any]) -> dict[str, Any]:
    """aihwkit's own tiles keep their configuration, which is the run's, as an object, and their weights once more."""
    return {
        name: {**value, AnalogTileStateNames.RPU_CONFIG: None}
        if isinstance(value, dict) and not isinstance(value, TileState)
        else value
        for name, value in state.items()
        if name.rpartition(".")[2] != AnalogTileStateNames.CONTEXT
    }


def _with_configs(state: Any, model: nn.Module) -> dict[str, Any]:
    if not isinstance(state, dict):
        raise InputError(f"the network's state is a {type(state).__name__}")
    filled = dict(state)
    for prefix, module in model.named_modules():
        name = TileModule.get_analog_state_name(f"{prefix}.")
        if not isinstance(module, TileModule) or isinstance(filled.get(name), TileState):
            continue
        if not isinstance(filled.get(name), dict):
            raise InputError(f"it holds no state of the tile {prefix}")
        _refuse_other_parts(filled[name], module, prefix)
        filled[name] = {**filled[name], AnalogTileStateNames.RPU_CONFIG: module.rpu_config}
    return filled


def _refuse_other_parts(state: dict[str, Any], tile: Any, where: str) -> None:
    """aihwkit makes every part of a tile's state an attribute of the tile, whatever it is called."""
    if not set(state) <= set(tile.get_analog_state()):
        raise InputError(f"the state of the tile {where} has parts that are none of a tile's")


def _position(values: Any, trainer: Trainer) -> Position:
    names = {field.name for field in fields(Position)}
    if not isinstance(values, dict) or set(values) != names:
        raise InputError("its position has other parts")
    for name in ("epoch", "batch", "correct", "seen"):
        if type(values[name]) is not int or values[name] < 0:
            raise InputError(f"its position's {name} is {values[name]!r}")
    if type(values["loss_sum"]) is not float:
        raise InputError(f"its position's loss_sum is {values['loss_sum']!r}")
    if values["batch"] > trainer.batches_per_epoch or (values["batch"] and not values["seen"]):
        raise InputError(f"its position is batch {values['batch']} of {trainer.batches_per_epoch}")
    if values["order_state"] is not None:
        torch.Generator().set_state(values["order_state"])
    metrics = [_METRICS.validate_python(one) for one in values["metrics"]]
    if len(metrics) != values["epoch"]:
        raise InputError(f"it has the metrics of {len(metrics)} epochs out of {values['epoch']}")
    best, weights = values["best"], values["best_weights"]
    read = {
        "metrics": metrics,
        "best": None if best is None else _METRICS.validate_python(best),
        "best_weights": None if weights is None else _with_configs(weights, trainer.model),
    }
    return Position(**{**values, **read})


def _refuse_other_factors(state: Any, grapes: Grapes) -> None:
    own = grapes.state_dict()
    if not isinstance(state, dict) or set(state) != set(own):
        raise InputError("the state of GRAPES has other parts")
    counts = state["updates"]
    if not isinstance(counts, dict) or set(counts) != set(own["updates"]):
        raise InputError("the state of GRAPES counts the updates of other layers")
    if not all(type(count) is int and count >= 0 for count in counts.values()):
        raise InputError(f"the state of GRAPES counts updates as {counts}")
    for update, factors in state["held"].values():
        if type(update) is not int or not isinstance(factors, Tensor):
            raise InputError("the state of GRAPES holds factors that are none")


def _refuse_other_optimizer(state: Any, trainer: Trainer) -> None:
    parameters = [one for group in trainer.optimizer.param_groups for one in group["params"]]
    if not isinstance(state, dict) or not isinstance(state.get("state"), dict):
        raise InputError("the optimizer's state is no dict")
    own = [set(group) for group in trainer.optimizer.state_dict()["param_groups"]]
    if [set(group) for group in state["param_groups"]] != own:
        raise InputError("the optimizer's groups have other constants")
    for index, kept in state["state"].items():
        if type(index) is not int or not 0 <= index < len(parameters):
            raise InputError(f"the optimizer keeps a state of parameter {index!r}")
        for name, value in kept.items():
            if isinstance(value, Tensor) and value.numel() > max(1, parameters[index].numel()):
                raise InputError(f"the optimizer's {name} of parameter {index} is too large")
