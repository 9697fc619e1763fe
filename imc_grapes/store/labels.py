"""What methods, settings and values are called in tables and charts."""

from collections.abc import Iterable, Sequence
from typing import Any

from crossbar.rules import RULES
from imc_grapes.config import RunConfig

_MODES = {
    "none": "no GRAPES",
    "propagating": "GRAPES",
    "local": "GRAPES local",
    "lr_matched": "lr-matched",
}
_OFF = (None, False, "off", "Off", "OFF")
_AMBIGUOUS_SUFFIXES = ("scale", "kind", "name", "model", "mode", "preset")
"""Key suffixes too ambiguous to show alone."""
_METHOD_KEYS = ("training.optimizer", "training.grapes", "training.error_transport")


def is_method_key(key: str) -> bool:
    """Whether the dotted `key` says how a network is trained, rather than on what."""
    return key == "training" or any(
        key == root or key.startswith(f"{root}.") for root in _METHOD_KEYS
    )


def value_label(key: str, value: Any) -> str:
    """`value` in a few characters; optimizers and GRAPES modes get their usual names."""
    named = value is None or isinstance(value, str | bool)
    if key == "training.optimizer.name" and named and value in RULES:
        return RULES.entry(value).label
    if key == "training.grapes.mode" and named:
        return _MODES.get("none" if value in _OFF else value, str(value))
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return " ".join(f"{inner} {value_label('', part)}" for inner, part in value.items())
    if isinstance(value, list):
        return "-".join(value_label("", part) for part in value)
    return str(value)


def short_keys(keys: Sequence[str]) -> dict[str, str]:
    """The end of each dotted key, long enough to say something and to tell it from the others."""
    short = {}
    for key in keys:
        parts = key.split(".")
        length = 2 if parts[-1] in _AMBIGUOUS_SUFFIXES else 1
        while length < len(parts) and any(
            other != key and other.split(".")[-length:] == parts[-length:] for other in keys
        ):
            length += 1
        short[key] = ".".join(parts[-length:])
    return short


def axis_part(axis: str, label: str, short: dict[str, str]) -> str:
    """How one axis takes part in the name of a method or setting: names stand alone, numbers follow their key."""
    stands_alone = axis not in short or axis in ("training.optimizer.name", "training.grapes.mode")
    return label if stands_alone or not _is_number(label) else f"{short[axis]} {label}"


def joined(parts: Iterable[str]) -> str:
    """The parts with commas between; "no GRAPES" is said only where nothing else is."""
    kept = list(parts)
    if len(kept) > 1:
        kept = [part for part in kept if part != _MODES["none"]]
    return ", ".join(kept)


def method_of(config: RunConfig) -> str:
    """The method of a sweep that has only one."""
    if config.training.epochs == 0:
        return "not trained"
    grapes = config.training.grapes.mode
    optimizer = RULES.entry(config.training.optimizer.name).label
    return optimizer if grapes == "none" else f"{optimizer}, {_MODES[grapes]}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text in ("true", "false", "null")
    return True
