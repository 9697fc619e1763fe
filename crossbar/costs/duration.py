"""Time of one training step: part after part, in each the arrays side by side, each with a digital unit per column."""

from math import exp

from crossbar.costs.activity import Activity
from crossbar.costs.constants import constant
from crossbar.costs.interval import Interval, largest
from crossbar.costs.layer_shape import LayerShape, TileShape
from crossbar.costs.method import Method
from crossbar.costs.operations import ArrayLimits


def layer_times_ns(
    layer: LayerShape, method: Method, batch: int, activity: Activity, arrays: ArrayLimits
) -> dict[str, Interval]:
    """Time of each part of a step, by the names of `layer_operations`: that of the slowest array of the layer.

    A part that runs along with another takes no time of its own and is missing: pulses of sample-wise trains are
    generated as they are sent, a second array that products see is read beside the first, and refreshed devices are
    pulsed within *refresh*.
    """
    tiles = [
        _tile_times_ns(tile, layer, method, batch, activity)
        for tile in layer.tiles(arrays.rows, arrays.columns)
    ]
    return {part: largest(tile[part] for tile in tiles) for part in tiles[0]}


def _tile_times_ns(
    tile: TileShape, layer: LayerShape, method: Method, batch: int, activity: Activity
) -> dict[str, Interval]:
    clock, set_pulse = constant("clock_ns"), constant("set_pulse_ns")
    read = constant("array_read_ns")
    vectors = float(batch * layer.positions)
    parts = {"forward reads": vectors * read}
    if layer.sends_error:
        parts["backward reads"] = vectors * read
    if not method.is_per_sample:
        gradient = parts["gradient"] = vectors * tile.rows * clock
        if method.rule.passes() > 1:
            parts["gradient again"] = (method.rule.passes() - 1.0) * gradient
    if method.readout is not None and layer.modulated:
        share = 1.0 / method.readout.refresh_every
        driven, nodes = tile.rows, tile.columns
        if method.factors_of == "inputs":
            driven, nodes = nodes, driven
        # The largest importance is found node by node.
        parts["readout"] = share * (method.readout.reads(driven) * read + nodes * clock)
    if method.accumulator_bits:
        parts["chi"] = _access(tile.rows * method.accumulator_bits)
    if method.computes:
        parts["optimizer"] = _access(method.state_bits(tile) / tile.columns)
    on_transfer = activity.transfer_pulses if method.transfer is not None else 0.0
    if method.train_length is not None:
        slots = vectors * method.train_length
    else:
        slots = _write_slots(tile, activity.pulses - on_transfer)
    if method.transfer is not None:
        reads = (
            min(method.transfer.n_reads_per_transfer, tile.rows) / method.transfer.transfer_every
        )
        parts["transfer"] = reads * (read + clock) + _access(reads * method.buffer_bits)
        # The rows that were read are those that are written.
        slots += _write_slots(TileShape(1, tile.columns), on_transfer * tile.rows / reads) * reads
    parts["device pulses"] = slots * set_pulse
    if method.update.refresh.every_updates is not None:
        devices = tile.rows * tile.columns
        rows_checked = method.arrays * tile.rows / method.update.refresh.every_updates
        parts["refresh"] = (
            rows_checked * read
            + activity.refreshes * devices * constant("reset_pulse_ns")
            + activity.refresh_pulses * devices * set_pulse
        )
    return parts


def _access(bits_per_column: float) -> Interval:
    """Every word of a column is read and written through the port of its unit."""
    port, clock = constant("sram_port_bits"), constant("clock_ns")
    moved = 2.0 * bits_per_column
    return Interval(
        moved / port.low * clock.low,
        moved / port.typical * clock.typical,
        moved / port.high * clock.high,
    )


def _write_slots(tile: TileShape, pulses_per_weight: float) -> float:
    """Pulse slots if all weights of a row are written at once, for pulses that fall on rows at random."""
    per_row = pulses_per_weight * tile.columns
    return tile.rows * max(1.0 - exp(-per_row), pulses_per_weight)
