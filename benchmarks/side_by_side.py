"""Timing of rivals in one run: they take turns, so that a busy machine slows all of them alike."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Timing:
    """One rival's times, in seconds.

    Attributes:
        name: what was timed.
        seconds: one per round.
    """

    name: str
    seconds: tuple[float, ...]

    @property
    def median_s(self) -> float:
        return median(self.seconds)


def time_side_by_side(
    rivals: dict[str, Callable[[], object]], rounds: int = 15, warm_up: int = 2
) -> list[Timing]:
    """Time functions in turn: round by round, one call of each.

    An untimed call comes before each timed one, so that no rival pays for the cold caches and the
    spinning threads that the one before it left behind.

    Args:
        rivals: name and function; what they compute should be the same.
        rounds: timed calls of each.
        warm_up: untimed calls of each before, for compilation and allocation.

    Returns:
        One timing per rival, in the order given.
    """
    for _ in range(warm_up):
        for function in rivals.values():
            function()
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for _ in range(rounds):
        for name, function in rivals.items():
            function()
            start = perf_counter()
            function()
            seconds[name].append(perf_counter() - start)
    return [Timing(name, tuple(times)) for name, times in seconds.items()]


def print_ratios(title: str, timings: list[Timing], target: str = "") -> None:
    """Print medians, and every rival's median relative to that of the first.

    Args:
        title: what was compared.
        timings: from `time_side_by_side`; the first is the one under test.
        target: what the ratio should reach.
    """
    table = Table(title=title, caption=f"target: {target}" if target else None)
    for heading in ("", "median ms", "fastest ms", "slowest ms", "median / first's median"):
        table.add_column(heading, justify="left" if not heading else "right")
    first = timings[0].median_s
    for timing in timings:
        times = (timing.median_s, min(timing.seconds), max(timing.seconds))
        table.add_row(
            timing.name, *(f"{1e3 * t:.3f}" for t in times), f"{timing.median_s / first:.2f}"
        )
    Console().print(table)
