"""``--where key=value``: choose trials by any column, axis or key of their config."""

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

from imc_grapes.config.yaml_file import parse_scalar
from imc_grapes.store.base_changes import leaves
from kernels.errors import InputError

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_CONDITION = re.compile(
    r"^\s*(?P<key>[^=!<>]+?)\s*(?P<operator>!=|<=|>=|=|<|>)\s*(?P<value>.*?)\s*$"
)
_COLUMNS = (
    "hash",
    "method",
    "setting",
    "tuned",
    "seed",
    "status",
    "error",
    "attempts",
    "seconds",
    "host",
)


def matching(trials: Sequence[dict[str, Any]], conditions: Sequence[str]) -> list[dict[str, Any]]:
    """The trials for which every condition holds; a trial without the key is left out.

    Args:
        trials: as the store has them.
        conditions: ``key=value``, or with !=, <, <=, >, >=. A key is a column, an axis of the sweep, a dotted key of
            the config, or a key of the summary.

    Raises:
        InputError: a condition has another form, or names a key that no trial has.
    """
    matches = list(trials)
    for condition in conditions:
        parts = _CONDITION.match(condition)
        if parts is None:
            raise InputError(
                f"--where {condition}: must have the form key=value, with =, !=, <, <=, > or >="
            )
        key, value = parts["key"], parse_scalar(parts["value"], f"--where {condition}")
        if trials and not any(key in _values(trial) for trial in trials):
            known = ", ".join([*_COLUMNS, *trials[0]["coordinates"]])
            raise InputError(
                f"--where {condition}: no trial has '{key}'; there are {known}, and the keys of the config and summary"
            )
        compare = _OPERATORS[parts["operator"]]
        matches = [trial for trial in matches if _holds(_values(trial).get(key), compare, value)]
    return matches


def _values(trial: dict[str, Any]) -> dict[str, Any]:
    return {
        **(trial["summary"].as_dict() if trial["summary"] else {}),
        **dict(leaves(trial["config"])),
        **trial["coordinates"],
        **{column: trial[column] for column in _COLUMNS},
    }


def _holds(value_of_trial: Any, compare: Callable[[Any, Any], bool], value: Any) -> bool:
    if value_of_trial is None and value is not None:
        return False
    if isinstance(value_of_trial, str) != isinstance(value, str):
        value_of_trial, value = str(value_of_trial), str(value)
    try:
        return compare(value_of_trial, value)
    except TypeError:
        return False
