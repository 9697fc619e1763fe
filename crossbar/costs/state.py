"""Bits that a method keeps for a layer: from one update to the next, during an update, and for good."""

from dataclasses import dataclass

from crossbar.costs.layer_shape import LayerShape
from crossbar.costs.method import FLOAT_BITS, Method

GRADIENT_BITS = 32
_RECIPROCAL_BITS = 8
IMPORTANCE_BITS = 16
_SCALE_BITS = 32
_FLOOR_BITS = 16
_RECIPROCALS = 256
_LFSR_BITS = 16


@dataclass(frozen=True)
class Bits:
    """Memory of the update circuits of one layer.

    Attributes:
        state: of the optimizer, the matrix H of ttv2, and factors that stay in use for several updates.
        accumulator: chi.
        registers: what lives only during an update: sums of one column's gradient in each tile, what was read of a
            second array, the importance and the factors of the nodes, generators of random numbers.
        tables: written once: the weight of a pulse, the rate of transfers and the RESET floor of each tile, a table of
            reciprocals.
    """

    state: int
    accumulator: int
    registers: int
    tables: int

    def __add__(self, other: "Bits") -> "Bits":
        return Bits(
            self.state + other.state,
            self.accumulator + other.accumulator,
            self.registers + other.registers,
            self.tables + other.tables,
        )


def layer_bits(layer: LayerShape, method: Method, rows: int | None, columns: int | None) -> Bits:
    """The bits of one layer on arrays of at most `rows` x `columns`."""
    tiles = list(layer.tiles(rows, columns))
    tables = _SCALE_BITS * len(tiles)
    if method.train_length is not None:
        edges = sum(tile.rows + tile.columns for tile in tiles)
        registers = (method.operand_bits or FLOAT_BITS) * edges + 2 * _LFSR_BITS * len(tiles)
    else:
        registers = GRADIENT_BITS * sum(tile.rows for tile in tiles) + _LFSR_BITS * len(tiles)
    state = sum(method.state_bits(tile) for tile in tiles) + layer.weights * method.buffer_bits
    if method.transfer is not None:
        registers += FLOAT_BITS * sum(tile.columns for tile in tiles)
        tables += _SCALE_BITS * len(tiles)
    readout = method.readout
    if readout is not None and layer.modulated:
        n_factors = layer.n_out if method.factors_of == "nodes" else layer.n_in
        factors = n_factors * method.factor_bits
        if readout.refresh_every > 1:
            state += factors
        else:
            registers += factors
        registers += (n_factors + 1) * (readout.sum_bits or IMPORTANCE_BITS)
        tables += _RECIPROCALS * _RECIPROCAL_BITS
        if readout.subtracts_floor:
            tables += _FLOOR_BITS * len(tiles)
    return Bits(state, layer.weights * method.accumulator_bits, registers, tables)
