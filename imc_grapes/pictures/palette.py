"""One colour per method, the same in every picture, told apart by the colour-blind: Okabe and Ito's, then Tol's."""

from itertools import cycle, islice

BASELINE = "#5b6472"
_OTHERS = (
    "#d55e00",
    "#0072b2",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#7b4fb3",
    "#882255",
    "#999933",
)
_SHAPES = (
    "circle",
    "square",
    "diamond",
    "triangle-up",
    "triangle-down",
    "cross",
    "triangle-left",
    "triangle-right",
)
_DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3])


def colours(series: list[str], baseline: str) -> list[str]:
    """A colour for each of `series`; the baseline is grey."""
    others = cycle(_OTHERS)
    return [BASELINE if name == baseline else next(others) for name in series]


def shapes(series: list[str]) -> list[str]:
    """A point shape for each of `series`, so that colour is never the only difference."""
    return list(islice(cycle(_SHAPES), len(series)))


def dashes(series: list[str]) -> list[list[int]]:
    """A line style for each of `series`: solid until the colours repeat."""
    return [
        _DASHES[min(index // (len(_OTHERS) + 1), len(_DASHES) - 1)] for index in range(len(series))
    ]
