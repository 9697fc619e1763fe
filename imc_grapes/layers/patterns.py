"""Layers of a model named by patterns: of a layer itself, or of a module around it."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from torch import nn

from kernels.errors import InputError

SHOWN = 8


def fits(name: str, pattern: str) -> bool:
    """Whether a pattern, with `*` for anything, fits a name or that of a module around it.

    Example:
        >>> from imc_grapes.layers.patterns import fits
        >>> fits("body.0.conv", "body.*"), fits("body.0.conv", "body"), fits("head", "body")
        (True, True, False)
    """
    parts = name.split(".")
    return any(fnmatchcase(".".join(parts[: n + 1]), pattern) for n in range(len(parts)))


def fits_any(name: str, patterns: Iterable[str]) -> bool:
    """Whether one of several patterns fits."""
    return any(fits(name, pattern) for pattern in patterns)


def check_patterns(model: nn.Module, patterns: Iterable[str]) -> None:
    """See that every pattern has an effect.

    Raises:
        InputError: a pattern fits no module and no parameter.
    """
    names = [name for name, _ in model.named_modules(remove_duplicate=False)]
    names += [name for name, _ in model.named_parameters(remove_duplicate=False)]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise InputError(
                f"'{pattern}' fits no module and no parameter of the model; the modules are {some(names[1:])}"
            )


def some(names: list[str]) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(f"'{name}'" for name in names[:SHOWN])
    return shown + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
