"""What all readout circuits have in common: a converter, noise, a digital sum over tiles, an interval."""

from abc import ABC, abstractmethod
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from crossbar.readout.tile_pairs import TilePairs
from device_models.parameters import Parameters
from device_models.registry import Registry

Values = NDArray[np.float64]


class Partial(NamedTuple):
    """What one tile contributes to the importance of its columns.

    Attributes:
        values: float64 [m, n_out]: m numbers per column, to be added over the tiles that share it.
        full_scale: none of them can be larger than this in magnitude.
    """

    values: Values
    full_scale: float


class Readout(Parameters, ABC):
    """A circuit that turns the conductances of a layer into one importance per output node."""

    kind: str = ""
    """Name that the circuit is registered by."""
    adc_bits: int | None = Field(default=None, ge=2, le=16)
    """Resolution of a column's converter, bits; null: no converter at all."""
    adc_range: Literal["auto"] | Annotated[float, Field(gt=0.0, le=1.0)] = "auto"
    """Full scale of the converter as a fraction of the largest signal that the array can deliver; auto: the smallest of
    1, 1/2, 1/4, ... that clips no column of the tile, set by the integration time."""
    read_noise: float = Field(default=0.0, ge=0.0)
    """Standard deviation of a device's conductance in one read, as a fraction of that conductance."""
    refresh_every: int = Field(default=1, ge=1)
    """Weight updates between two readings; in between, the factors of the last reading stay in use, and with them n_out
    numbers per layer."""
    sum_bits: int | None = Field(default=None, ge=4, le=32)
    """Word length of the digital sum over the tiles that share a column, bits; null: as many as the exact sum needs."""

    @model_validator(mode="after")
    def _range_is_used(self) -> "Readout":
        if self.adc_bits is None and self.adc_range != "auto":
            raise ValueError("adc_range needs adc_bits: without a converter there is no full scale")
        return self

    @property
    def is_random(self) -> bool:
        """Whether two readings of the same devices differ."""
        return self.read_noise > 0.0

    @property
    def is_held(self) -> bool:
        """Whether a reading stays in use until a later update."""
        return self.is_random or self.refresh_every > 1

    @property
    def is_exact(self) -> bool:
        """Whether the reading is ``sum_i |w_ji|`` itself, so that it means something on digital layers too."""
        return False

    @abstractmethod
    def reads(self, rows: int) -> int:
        """Analog read cycles that one reading of a tile of so many rows takes; one conversion per column in each."""

    @abstractmethod
    def driven_rows(self, rows: int) -> int:
        """Rows that are at the read voltage, summed over the read cycles of one reading."""

    @property
    def devices_per_pair(self) -> int:
        """Of the two devices of a driven pair, those that carry current in one read cycle."""
        return 2

    @property
    def subtracts_floor(self) -> bool:
        """Whether each tile keeps what a column carries with all devices at RESET, to subtract it."""
        return False

    @abstractmethod
    def partial(self, pairs: TilePairs, draw: int) -> Partial:
        """What one tile contributes.

        Args:
            pairs: the devices of the tile.
            draw: number of the reading; with the tile's stream, it fixes all random numbers.
        """

    def combined(self, values: Values) -> Values:
        """The importance `[n_out]` from the sums `[m, n_out]` over all tiles of each column."""
        only: Values = values[0]
        return only


READOUTS: Registry[type[Readout]] = Registry(
    "training.grapes.readout.kind", "crossbar.readout", Readout, "kind"
)
