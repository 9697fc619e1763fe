"""Which keys of a base config differ from those that a store was filled with."""

from collections.abc import Iterator
from typing import Any


def base_changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """``key: old -> new`` for every key whose value decides a result and has changed."""
    old, new = dict(leaves(before)), dict(leaves(now))
    keys = [key for key in {**old, **new} if key != "name"]
    absent = "(absent)"
    return [
        f"{key}: {_shown(old.get(key, absent))} -> {_shown(new.get(key, absent))}"
        for key in keys
        if old.get(key, absent) != new.get(key, absent)
    ]


def leaves(node: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The dotted key and the value of everything in a nested config that is no section."""
    for key, value in node.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _shown(value: Any) -> str:
    return "null" if value is None else str(value)
