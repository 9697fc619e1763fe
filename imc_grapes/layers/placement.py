"""Where every parameter of a model lies."""

from typing import Any

import pandas as pd
from torch import nn

from crossbar.array_layers import is_array_layer
from crossbar.placement import placed_tiles
from imc_grapes.layers.incoming_weights import is_analog
from imc_grapes.layers.obstacles import find_obstacles, why_no_product

COLUMNS = ("parameter", "shape", "where", "arrays", "devices", "reason", "part")


def placement(model: nn.Module) -> pd.DataFrame:
    """A row per parameter: on how many arrays and devices it lies, or why it is digital.

    Args:
        model: any model, on crossbars or not.

    Returns:
        A data frame with the columns *parameter* (its name; of a layer on crossbars the layer's, with ``.weight``),
        *shape* (``(n_out, n_in)`` on crossbars), *where* (``crossbar`` or ``digital``), *arrays* and *devices* (0 where
        digital), *reason* (why it is digital; empty on a crossbar), *part* (which inputs and outputs each array holds).
        Devices count both polarities; on aihwkit's own tiles that do not store pairs they are missing.

    Example:
        >>> from torch import nn
        >>> from imc_grapes import PCMConfig, placement, to_crossbar
        >>> net = nn.Sequential(nn.Linear(300, 10), nn.BatchNorm1d(10))
        >>> frame = placement(to_crossbar(net, PCMConfig(array={"rows": 256, "weight_range": "auto"})))
        >>> frame[["parameter", "where", "arrays"]].values.tolist()[0]
        ['0.weight', 'crossbar', 2]
        >>> frame.query("parameter == '1.weight'").reason.item()
        'scale and shift of a normalisation, which is computed digitally'
    """
    obstacles = {obstacle.name: obstacle.reason for obstacle in find_obstacles(model)}
    rows: list[dict[str, Any]] = []
    seen: set[int] = set()
    inside: tuple[str, ...] = ()
    for name, module in model.named_modules():
        prefix = f"{name}." if name else ""
        if is_array_layer(module):
            rows.append(_on_arrays_once(prefix, module))
            rows += [
                _digital(prefix + own, parameter, "added digitally, behind the converters")
                for own, parameter in module.named_parameters(recurse=False)
                if own == "bias"
            ]
            continue
        if is_analog(module):
            inside = (*inside, prefix)
            rows.append(_on_arrays(prefix, module))
            rows += [
                _digital(
                    prefix + _within_layer(own), parameter, "added digitally, behind the converters"
                )
                for own, parameter in module.named_parameters()
                if own.rpartition(".")[2] == "bias"
            ]
            continue
        if inside and name.startswith(inside):
            continue
        for own, parameter in module.named_parameters(recurse=False):
            if id(parameter) in seen:
                continue
            seen.add(id(parameter))
            rows.append(
                _digital(prefix + own, parameter, _why(name, prefix + own, module, obstacles))
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _on_arrays(prefix: str, layer: Any) -> dict[str, Any]:
    tiles = list(placed_tiles(layer))
    devices = [_devices(placed.tile) for placed in tiles]
    shape = (max(one.columns.stop for one in tiles), max(one.rows.stop for one in tiles))
    parts = "; ".join(_part(one.rows, one.columns) for one in tiles)
    known = [count for count in devices if count is not None]
    return {
        "parameter": f"{prefix}weight",
        "shape": shape,
        "where": "crossbar",
        "arrays": len(tiles),
        "devices": sum(known) if len(known) == len(devices) else None,
        "reason": "",
        "part": parts,
    }


def _on_arrays_once(prefix: str, layer: Any) -> dict[str, Any]:
    """Of a layer that is trained in software, and programmed once."""
    blocks = layer.blocks
    pairs = layer.weight.numel() * layer.config.array.devices_per_polarity
    return {
        "parameter": f"{prefix}weight",
        "shape": (blocks.n_out, blocks.n_in),
        "where": "crossbar",
        "arrays": len(blocks),
        "devices": 2 * pairs,
        "reason": "",
        "part": "; ".join(_part(array.rows, array.columns) for array in blocks),
    }


def _part(rows: slice, columns: slice) -> str:
    return f"inputs {rows.start}-{rows.stop - 1}, outputs {columns.start}-{columns.stop - 1}"


def _devices(tile: Any) -> int | None:
    pair = getattr(tile, "g_plus", None)
    return None if pair is None else int(pair.size + tile.g_minus.size)


def _within_layer(own: str) -> str:
    return own.rpartition(".")[2]


def _digital(name: str, parameter: Any, reason: str) -> dict[str, Any]:
    return {
        "parameter": name,
        "shape": tuple(parameter.shape),
        "where": "digital",
        "arrays": 0,
        "devices": 0,
        "reason": reason,
        "part": "",
    }


def _why(layer: str, parameter: str, module: nn.Module, obstacles: dict[str, str]) -> str:
    reason = why_no_product(module)
    if reason:
        return reason
    for name in (parameter, layer):
        if name in obstacles:
            return obstacles[name]
    if parameter.rpartition(".")[2].startswith("bias"):
        return "a bias, added digitally"
    return "was left digital: excluded from the conversion, or never converted"
