"""The devices of one tile as a readout circuit sees them: ours in place, others' as copies.

Of weights that are trained in software, the circuit reads the devices that they would be programmed into: the targets.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.random_streams import stream_key

Array = NDArray[np.float32]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class TilePairs:
    """One tile of a layer.

    Attributes:
        g_plus: float32 [K, n_out, n_in]: K devices per polarity.
        g_minus: float32, the same shape.
        rows: which inputs of the layer.
        columns: which output nodes of the layer.
        g_min: conductance of a device after RESET, in the unit of the arrays.
        g_max: largest conductance of a mean device, in that unit.
        weight_per_unit: weight that one unit of difference stands for.
        scales: float64 [n_out], digital output scales; None without.
        stream: what fixes the random numbers of this tile: anything that `stream_key` takes.
    """

    g_plus: Array
    g_minus: Array
    rows: slice
    columns: slice
    g_min: float
    g_max: float
    weight_per_unit: float
    scales: Values | None
    stream: tuple[int | str, ...]

    @property
    def sharing(self) -> int:
        """K."""
        return int(self.g_plus.shape[0])

    @property
    def n_rows(self) -> int:
        """n_in."""
        return int(self.g_plus.shape[2])

    def generator(self, purpose: str, draw: int) -> np.random.Generator:
        """Random numbers of this tile for one purpose at reading `draw`; the same call gives the same numbers."""
        key = int(stream_key(0, "importance readout", purpose, *self.stream))
        return np.random.Generator(np.random.Philox(key=key, counter=draw << 128))

    def power(self) -> tuple[Values, Values]:
        """Sum of the squared conductances of each column, plus and minus: float64 [n_out] each."""
        plus, minus = (
            np.einsum("kji,kji->j", g, g).astype(np.float64) for g in (self.g_plus, self.g_minus)
        )
        return plus, minus


def layer_pairs(layer: Any, name: str) -> Iterator[TilePairs]:
    """The tiles of an analog layer, or the arrays of one that is trained in software.

    Args:
        layer: an analog layer of aihwkit, whatever its tile, or one of `crossbar.array_layers`.
        name: of the layer; tells the random streams of tiles apart. Our own tiles have their own.
    """
    from crossbar.array_layers import is_array_layer
    from crossbar.placement import placed_tiles

    if is_array_layer(layer):
        yield from _of_arrays(layer, name)
        return
    for placed in placed_tiles(layer):
        tile = placed.tile
        scales = tile.get_scales()
        how: dict[str, Any] = {
            "rows": placed.rows,
            "columns": placed.columns,
            "scales": None
            if scales is None
            else np.broadcast_to(
                scales.detach().abs().cpu().numpy().astype(np.float64), tile.out_size
            ),
        }
        yield _of_ours(tile, how) if hasattr(tile, "g_plus") else _of_aihwkit(tile, name, how)


def _of_arrays(layer: Any, name: str) -> Iterator[TilePairs]:
    from crossbar.array_layers.programmed import pair_targets

    g_max_uS = layer.config.statistics.g_max_uS
    sharing = layer.config.array.devices_per_polarity
    matrix, scales = layer.matrix(), layer.scales()
    for block in layer.blocks:
        scale = scales[block.row_block]
        targets = pair_targets(matrix, block, scale, g_max_uS)
        plus, minus = (np.repeat(g[None], sharing, axis=0) for g in targets)
        yield TilePairs(
            plus,
            minus,
            rows=block.rows,
            columns=block.columns,
            g_min=0.0,
            g_max=g_max_uS,
            weight_per_unit=1.0 / (sharing * g_max_uS),
            scales=scale[block.columns].cpu().numpy().astype(np.float64),
            stream=(name, block.rows.start, block.columns.start),
        )


def _of_ours(tile: Any, how: dict[str, Any]) -> TilePairs:
    devices = tile.tile.devices
    stack = (devices.sharing, *devices.shape)
    return TilePairs(
        tile.g_plus.reshape(stack),
        tile.g_minus.reshape(stack),
        g_min=devices.model.g_min_uS,
        g_max=devices.model.g_max_uS,
        weight_per_unit=devices.weight_per_uS,
        stream=tuple(devices.stream),
        **how,
    )


def _of_aihwkit(tile: Any, name: str, how: dict[str, Any]) -> TilePairs:
    from crossbar.tile_conductances import conductances

    (pair,) = conductances(tile)
    inner = getattr(getattr(tile.rpu_config, "device", None), "unit_cell_devices", None)
    reset = float(getattr(inner[0], "reset", 0.0)) if inner else 0.0
    highest = float(getattr(inner[0], "w_max", 0.0)) if inner else 0.0
    largest = float(max(pair.g_plus.max(initial=0.0), pair.g_minus.max(initial=0.0)))
    return TilePairs(
        pair.g_plus[None],
        pair.g_minus[None],
        g_min=reset,
        g_max=highest or largest or 1.0,
        weight_per_unit=1.0,
        stream=(name, how["rows"].start, how["columns"].start),
        **how,
    )
