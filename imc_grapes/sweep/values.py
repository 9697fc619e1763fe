"""The values of one swept key: a list, a linspace, a logspace, or values with names."""

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from imc_grapes.config.load import describe
from imc_grapes.config.yaml_file import KeyPath, YamlDocument
from imc_grapes.store.labels import value_label
from imc_grapes.store.plan import Choice, Setting
from kernels.errors import InputError, did_you_mean

_SPACES: dict[str, Any] = {"linspace": np.linspace, "logspace": np.geomspace}
_SIGNIFICANT_DIGITS = 12
_SHOWN = 100
MOST_VALUES = 10_000
"""Of one axis, where they are spaced by a formula."""


def choices(key: str, raw: Any, document: YamlDocument, path: KeyPath) -> tuple[Choice, ...]:
    """One choice per value that `raw`, which stands at `path` of `document`, gives to the dotted `key`.

    Raises:
        InputError: `raw` has none of the four forms, is empty, or holds a value twice.
    """
    values = tuple(_choices(key, raw, document, path))
    if not values:
        raise InputError(describe(document, path, "needs at least one value"))
    for label, count in Counter(choice.label for choice in values).items():
        if count > 1:
            raise InputError(describe(document, path, f"{label[:_SHOWN]} is given more than once"))
    return values


def _choices(key: str, raw: Any, document: YamlDocument, path: KeyPath) -> Iterator[Choice]:
    if isinstance(raw, list):
        for index, value in enumerate(raw):
            yield _choice(key, value_label(key, value), value, document, (*path, index))
    elif isinstance(raw, dict) and len(raw) == 1 and next(iter(raw)) in _SPACES:
        for value in _spaced(next(iter(raw)), document, path, raw):
            yield _choice(key, value_label(key, value), value, document, path)
    elif isinstance(raw, dict):
        _refuse_misspelt_form(raw, document, path)
        for name, value in raw.items():
            yield _choice(key, str(name), value, document, (*path, name))
    else:
        message = (
            "must be a list of values, {linspace: [start, stop, count]}, {logspace: [start, stop, count]} "
            f"or a mapping of names to values (got {repr(raw)[:_SHOWN]})"
        )
        raise InputError(describe(document, path, message))


def _refuse_misspelt_form(raw: dict[str, Any], document: YamlDocument, path: KeyPath) -> None:
    """A list of numbers under the one name that is nearly ``linspace`` is meant to be spaced, not to be named."""
    if len(raw) != 1:
        return
    name, value = next(iter(raw.items()))
    hint = did_you_mean(name, _SPACES)
    if hint and isinstance(value, list):
        raise InputError(describe(document, (*path, name), f"is no way to space values{hint}"))


def _choice(key: str, label: str, value: Any, document: YamlDocument, path: KeyPath) -> Choice:
    setting = Setting(tuple(key.split(".")), value, document.where(path))
    return Choice(label, value, (setting,))


def _spaced(
    form: str, document: YamlDocument, path: KeyPath, raw: dict[str, Any]
) -> list[float | int]:
    given = raw[form]
    numbers = isinstance(given, list) and len(given) == 3 and all(map(_is_number, given))
    if not numbers or not all(map(_is_finite, given)) or given[2] not in range(1, MOST_VALUES + 1):
        message = (
            f"must be [start, stop, count], finite numbers and a whole number from 1 to {MOST_VALUES:,} "
            f"(got {repr(given)[:_SHOWN]})"
        )
        raise InputError(describe(document, (*path, form), message))
    start, stop, count = given
    if form == "logspace" and (start <= 0 or stop <= 0):
        message = f"start and stop must be above 0 (got {given!r})"
        raise InputError(describe(document, (*path, form), message))
    spaced = _SPACES[form](start, stop, int(count))
    return [_tidy(float(value), whole=_are_whole(spaced, given)) for value in spaced]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_finite(value: float) -> bool:
    """Whether it is a number that a float64 holds."""
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _are_whole(spaced: np.ndarray, given: list[Any]) -> bool:
    """Whether every value is meant as an int: the ends were written so and no value needs a fraction."""
    written_so = all(isinstance(end, int) for end in given[:2])
    return written_so and bool(np.all(np.abs(spaced - np.round(spaced)) < 1e-9))


def _tidy(value: float, whole: bool) -> float | int:
    """0.30000000000000004 is 0.3: the value is part of the trial's hash and of its label."""
    return round(value) if whole else float(f"{value:.{_SIGNIFICANT_DIGITS}g}")
