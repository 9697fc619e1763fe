"""The constants of the cost model: those of the file beside this one, or others in their place, at a node of choice."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, Literal

import yaml
from pydantic import Field, field_validator, model_validator

from crossbar.costs.interval import Interval
from device_models.parameters import Parameters
from kernels.errors import InputError, did_you_mean

BASIS_NM = 14
"""Technology node that the file's values of circuits are for."""

ENERGY_TO_BASIS = {65: 0.112, 45: 0.139, 40: 0.160, 32: 0.211, 22: 0.472, BASIS_NM: 1.0, 7: 1.47}
"""Energy of a digital circuit at 14 nm over that at each node, nm: Stillmaker and Baas, Integration 58, 74 (2017)."""

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
    source: str
    """Where the values are from, or the word assumption."""
    digital: bool = False
    """Whether it is an energy of digital circuits, which another node scales; what the cell or analog circuits set is
    left as it is, and so are times and areas."""
    node_nm: int | None = Field(default=None, gt=0)
    """Technology node of the source, nm, where it is not the basis; null: the basis."""

    @field_validator("source")
    @classmethod
    def _says_something(cls, source: str) -> str:
        if not source.strip():
            raise ValueError("must say where the values are from, or the word assumption")
        return source

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
    """The constant called `name`, as `prices` has set it."""
    table = _prices.get()
    return load_constants()[name].interval if table is None else table[name]


@contextmanager
def prices(
    constants: Mapping[str, Any] | None = None, node_nm: int | None = None
) -> Iterator[dict[str, Constant]]:
    """Within the block, costs are priced with other constants, or at another technology node.

    Args:
        constants: by their names, in the form of the file: each a mapping with low, typical, high, unit and source, or
            a `Constant`. Those that are left out stay the file's.
        node_nm: node that the file's energies of digital circuits are scaled to, one of `ENERGY_TO_BASIS`; None for
            14 nm. What is in `constants` is not scaled: it is given for the node that is wanted.

    Yields:
        The constants that replace those of the file.

    Raises:
        InputError: there is no such constant or node, a value has no source or another unit.
    """
    given = {name: _own(name, value) for name, value in (constants or {}).items()}
    node = BASIS_NM if node_nm is None else node_nm
    if node not in ENERGY_TO_BASIS:
        raise InputError(
            f"node_nm: must be one of {', '.join(map(str, sorted(ENERGY_TO_BASIS)))}, for which a scaling of energies "
            f"is published (got {node_nm!r})"
        )
    factor = 1.0 / ENERGY_TO_BASIS[node]
    table = {
        name: one.interval * factor if one.digital else one.interval
        for name, one in load_constants().items()
    }
    token = _prices.set(table | {name: one.interval for name, one in given.items()})
    try:
        yield given
    finally:
        _prices.reset(token)


def scaled_constants() -> list[str]:
    """The names of those that another node scales."""
    return [name for name, one in load_constants().items() if one.digital]


def _own(name: str, value: Any) -> Constant:
    known = load_constants()
    if name not in known:
        raise InputError(
            f"constants.{name}: no such constant{did_you_mean(name, known)}; allowed: {', '.join(known)}"
        )
    if isinstance(value, Constant):
        own = value
    elif not isinstance(value, Mapping):
        raise InputError(
            f"constants.{name}: must be a mapping with low, typical, high, unit and source (got {value!r})"
        )
    else:
        try:
            own = Constant.of(value)
        except InputError as error:
            raise InputError(f"constants.{name}: {error}") from None
    if own.unit != known[name].unit:
        raise InputError(f"constants.{name}: unit: must be {known[name].unit} (got '{own.unit}')")
    return own


_prices: ContextVar[Mapping[str, Interval] | None] = ContextVar("prices", default=None)


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
