"""The constants of the cost model, from the one file that holds them."""

import math
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, Literal

import yaml
from pydantic import Field, model_validator

from crossbar.costs.interval import Interval
from device_models.parameters import Parameters

_CAPACITIES_KB = {"8KB": 8.0, "64KB": 64.0, "1MB": 1024.0}


class Constant(Parameters):
    """One entry of the file."""

    low: float = Field(gt=0.0)
    """Value for the lowest cost."""
    typical: float = Field(gt=0.0)
    """Value between the two others."""
    high: float = Field(gt=0.0)
    """Value for the highest cost; below `low` where more is cheaper."""
    unit: str = Field(min_length=1)
    """Unit of the three values."""
    source: str = Field(min_length=1)
    """Where the values are from, or the word assumption."""
    node_nm: int | None = Field(default=None, gt=0)
    """Technology node of the source, nm, where it is not the basis; null: the basis."""

    @model_validator(mode="after")
    def _in_order(self) -> "Constant":
        if not (self.low <= self.typical <= self.high or self.low >= self.typical >= self.high):
            raise ValueError(f"typical {self.typical} is not between {self.low} and {self.high}")
        return self

    @property
    def interval(self) -> Interval:
        """Low, typical, high."""
        return Interval(self.low, self.typical, self.high)


@cache
def load_constants() -> dict[str, Constant]:
    """Every constant by its name, which ends in its unit.

    Raises:
        InputError: an entry of the file is incomplete or out of order.
    """
    text = files("crossbar.costs").joinpath("constants.yaml").read_text(encoding="utf-8")
    entries: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return {name: Constant.of(values) for name, values in entries.items()}


def constant(name: str) -> Interval:
    """The constant called `name`."""
    return load_constants()[name].interval


def sram_fJ_per_bit(access: Literal["read", "write"], bits: float) -> Interval:
    """Energy of one bit read from or written to a memory of so many bits.

    Between the sizes of the file by a power law; a smaller memory is priced as the smallest one, a larger one as banks
    of the largest.
    """
    sizes = list(_CAPACITIES_KB.items())
    kb = min(max(bits / 8192.0, sizes[0][1]), sizes[-1][1])
    below, above = next((low, high) for low, high in pairwise(sizes) if kb <= high[1])
    at = math.log(kb / below[1]) / math.log(above[1] / below[1])
    first = constant(f"sram_{access}_{below[0]}_fJ")
    last = constant(f"sram_{access}_{above[0]}_fJ")
    return Interval(
        first.low ** (1 - at) * last.low**at,
        first.typical ** (1 - at) * last.typical**at,
        first.high ** (1 - at) * last.high**at,
    )
