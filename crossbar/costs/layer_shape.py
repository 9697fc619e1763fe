"""A weight layer as far as its cost depends on it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class TileShape:
    """The part of a layer that lies on one array."""

    rows: int
    columns: int


@dataclass(frozen=True)
class LayerShape:
    """One weight layer.

    Attributes:
        name: of the layer.
        n_in: inputs of a node; of a convolution, those under its filter.
        n_out: output nodes, or filters.
        positions: how often a sample uses the weights: output pixels of a convolution, time steps, tokens.
        modulated: whether GRAPES acts on it.
        sends_error: whether an error goes on from it, backwards through its weights; not from a first layer.
        is_last: whether it is the one that rules take for the output layer.
    """

    name: str
    n_in: int
    n_out: int
    positions: int = 1
    modulated: bool = True
    sends_error: bool = True
    is_last: bool = False

    @property
    def weights(self) -> int:
        """Synapses."""
        return self.n_in * self.n_out

    def transposed(self) -> "LayerShape":
        """As it is seen by who drives its columns and reads its rows."""
        return replace(self, n_in=self.n_out, n_out=self.n_in)

    def tiles(self, rows: int | None, columns: int | None) -> Iterator[TileShape]:
        """The arrays of at most that size that hold the layer, as equal in size as can be."""
        for n_rows in _split(self.n_in, rows):
            for n_columns in _split(self.n_out, columns):
                yield TileShape(n_rows, n_columns)


def _split(size: int, most: int | None) -> list[int]:
    parts = -(-size // (most or size))
    return [size // parts + (index < size % parts) for index in range(parts)]
