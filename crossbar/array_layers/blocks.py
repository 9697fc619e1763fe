"""How a weight matrix is split over arrays, and what a weight of 1 is in each of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor


class Block(NamedTuple):
    """One array and the part of the layer's matrix `[n_out, n_in]` that it holds."""

    row_block: int
    """Which of the layer's row blocks it belongs to: those share their inputs, and their partial sums are added."""
    rows: slice
    """Inputs: the second axis of the matrix. In a grouped convolution those of one group."""
    columns: slice
    """Output nodes: the first axis of the matrix."""


@dataclass(frozen=True)
class Blocks:
    """The arrays of one layer: every row block crossed with every column block.

    Groups of a convolution have arrays of their own, since no weight connects them: their row blocks are the same
    slices of their own inputs, and no column block reaches over two groups.
    """

    n_out: int
    """Output nodes of the layer, over all groups."""
    n_in: int
    """Inputs of a node."""
    row_blocks: tuple[slice, ...]
    column_blocks: tuple[slice, ...]

    def __iter__(self) -> Iterator[Block]:
        """All arrays, row block by row block."""
        for index, rows in enumerate(self.row_blocks):
            for columns in self.column_blocks:
                yield Block(index, rows, columns)

    def __len__(self) -> int:
        return len(self.row_blocks) * len(self.column_blocks)


def split_over_arrays(
    n_out: int, n_in: int, rows: int | None, columns: int | None, groups: int = 1
) -> Blocks:
    """Equal parts, as few as fit: the sizes of aihwkit's `TileModuleArray`.

    Args:
        n_out: output nodes of the layer, over all groups.
        n_in: inputs of a node.
        rows: largest number of inputs of an array; None: as many as there are.
        columns: largest number of output nodes of an array; None: as many as there are.
        groups: of a convolution.

    Example:
        >>> from crossbar.array_layers.blocks import split_over_arrays
        >>> blocks = split_over_arrays(10, 576, rows=256, columns=256)
        >>> [(block.rows.start, block.rows.stop) for block in blocks]
        [(0, 192), (192, 384), (384, 576)]
    """
    per_group = n_out // groups
    return Blocks(
        n_out,
        n_in,
        tuple(_parts(0, n_in, rows)),
        tuple(
            part
            for group in range(groups)
            for part in _parts(group * per_group, per_group, columns)
        ),
    )


def _parts(start: int, size: int, largest: int | None) -> Iterator[slice]:
    count = 1 if largest is None else max(-(-size // largest), 1)
    base, extra = divmod(size, count)
    for index in range(count):
        stop = start + base + (index < extra)
        yield slice(start, stop)
        start = stop


def scales_of(matrix: Tensor, blocks: Blocks, per: Literal["array", "column"]) -> list[Tensor]:
    """The weight that g_max stands for: the largest magnitude of an array, or of each of its columns.

    Args:
        matrix: float32 `[n_out, n_in]`; a detached tensor.
        blocks: the arrays.
        per: what shares a scale.

    Returns:
        Per row block float32 `[n_out]`, above 0; where all weights are 0, any scale does, and it is 1.
    """
    scales = []
    for rows in blocks.row_blocks:
        largest = matrix[:, rows].abs().amax(1)
        if per == "array":
            largest = torch.cat(
                [
                    largest[columns].amax().expand(columns.stop - columns.start)
                    for columns in blocks.column_blocks
                ]
            )
        scales.append(torch.where(largest > 0.0, largest, 1.0))
    return scales
