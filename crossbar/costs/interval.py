"""A quantity that is known as low, typical and high."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Interval:
    """Three values of one quantity; sums and products take low with low and high with high."""

    low: float = 0.0
    typical: float = 0.0
    high: float = 0.0

    def __add__(self, other: "Interval") -> "Interval":
        return Interval(self.low + other.low, self.typical + other.typical, self.high + other.high)

    def __mul__(self, other: "Interval | float") -> "Interval":
        by = other if isinstance(other, Interval) else Interval(other, other, other)
        return Interval(self.low * by.low, self.typical * by.typical, self.high * by.high)

    __rmul__ = __mul__

    def as_dict(self) -> dict[str, float]:
        """For JSON: the keys low, typical, high."""
        return asdict(self)


def total(parts: Iterable[Interval]) -> Interval:
    """The sum."""
    return sum(parts, Interval())


def largest(parts: Iterable[Interval]) -> Interval:
    """The largest low, the largest typical and the largest high."""
    intervals = list(parts)
    return Interval(
        max(one.low for one in intervals),
        max(one.typical for one in intervals),
        max(one.high for one in intervals),
    )
