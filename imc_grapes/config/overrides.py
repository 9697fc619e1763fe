"""``--set key=value`` on top of a YAML document."""

import copy
from collections.abc import Sequence
from typing import Any

from imc_grapes.config.yaml_file import MOST_DEPTH, KeyPath, YamlDocument, parse_scalar
from kernels.errors import InputError

_SHOWN = 40


def apply_overrides(document: YamlDocument, overrides: Sequence[str]) -> YamlDocument:
    """A copy of `document` with each ``dotted.key=value`` of `overrides` set; values are read as YAML.

    Raises:
        InputError: an override has no ``=``, or its key leads through something that is not a mapping.
    """
    values = copy.deepcopy(document.values)
    lines = dict(document.lines)
    origins = dict(document.overrides)
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not key:
            raise InputError(f"--set {override}: must have the form key=value, such as seed=1")
        path = tuple(part.strip() for part in key.split("."))
        origin = f"--set {override}"
        set_key(values, path, parse_scalar(text, origin), origin)
        for places in (lines, origins):
            for known in [known for known in places if known[: len(path)] == path]:
                del places[known]
        origins[path] = origin
    return YamlDocument(values, document.source, lines, origins)


def set_key(values: dict[str, Any], path: KeyPath, value: Any, origin: str) -> None:
    """Set the nested key at `path` in place, making the mappings on the way; `origin` names it in the error."""
    if len(path) > MOST_DEPTH:
        raise InputError(
            f"{origin[:_SHOWN]}...: is {len(path):,} levels deep; no key is deeper than {MOST_DEPTH}"
        )
    node = values
    for part in path[:-1]:
        inner = node.setdefault(str(part), {})
        if not isinstance(inner, dict):
            raise InputError(f"{origin}: '{part}' holds {inner!r}, not a mapping of keys")
        node = inner
    node[str(path[-1])] = value
