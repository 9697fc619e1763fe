"""Time of one update: arrays work side by side, each with one digital unit per column."""

from math import exp

from crossbar.costs.activity import Activity
from crossbar.costs.constants import constant
from crossbar.costs.interval import Interval, largest, total
from crossbar.costs.layer_shape import LayerShape, TileShape
from crossbar.costs.method import Method
from crossbar.costs.operations import ArrayLimits


def layer_time_ns(
    layer: LayerShape, method: Method, batch: int, activity: Activity, arrays: ArrayLimits
) -> Interval:
    """Time of one update of a layer: that of its slowest array, one part after the other."""
    return largest(
        _tile_time_ns(tile, layer, method, batch, activity)
        for tile in layer.tiles(arrays.rows, arrays.columns)
    )


def _tile_time_ns(
    tile: TileShape, layer: LayerShape, method: Method, batch: int, activity: Activity
) -> Interval:
    clock, set_pulse = constant("clock_ns"), constant("set_pulse_ns")
    vectors = batch * layer.positions
    parts = []
    if method.readout is not None and layer.modulated:
        share = 1.0 / method.readout.refresh_every
        driven, read = tile.rows, tile.columns
        if method.factors_of == "inputs":
            driven, read = read, driven
        parts.append(share * method.readout.reads(driven) * constant("array_read_ns"))
        parts.append(share * read * clock)  # the largest importance, node by node
    if method.is_per_sample:
        assert method.update.kind == "pulsed"
        parts.append(vectors * method.update.train_length * set_pulse)
    else:
        parts.append(vectors * tile.rows * clock)
        parts.append(_write_slots(tile, activity.pulses) * set_pulse)
    moved = 2.0 * tile.rows * (method.accumulator_bits + method.matrices * method.word_bits)
    port = constant("sram_port_bits")
    parts.append(
        Interval(
            moved / port.low * clock.low,
            moved / port.typical * clock.typical,
            moved / port.high * clock.high,
        )
    )
    devices = tile.rows * tile.columns
    if method.update.refresh.every_updates is not None:
        rows_checked = tile.rows / method.update.refresh.every_updates
        parts.append(rows_checked * constant("array_read_ns"))
        parts.append(activity.refreshes * devices * constant("reset_pulse_ns"))
        parts.append(activity.refresh_pulses * devices * set_pulse)
    return total(parts)


def _write_slots(tile: TileShape, pulses_per_weight: float) -> float:
    """Pulse slots if all weights of a row are written at once, for pulses that fall on rows at random."""
    per_row = pulses_per_weight * tile.columns
    return tile.rows * max(1.0 - exp(-per_row), pulses_per_weight)
