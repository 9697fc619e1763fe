"""What a table of sensitivities says: names of its rows, and the sentence which of them to work on."""

from math import hypot, sqrt
from typing import Any

from imc_grapes.evaluate.sensitivity import ALL
from imc_grapes.experiment.sensitivity import RunSensitivity

NONIDEALITIES = {
    "programming": "programming error",
    "drift": "drift",
    "read_noise": "read noise",
    "converters": "converters",
    "wires": "wires",
    "faults": "stuck devices",
}
"""By their names in the table."""

EVERYTHING = "everything together"

_STANDARD_ERRORS = 2.0


def name_of(layer: str, nonideality: str) -> str:
    """A row of the table in words."""
    if layer != ALL:
        return f"layer {layer}"
    return EVERYTHING if nonideality == ALL else NONIDEALITIES[nonideality]


def finding(found: RunSensitivity) -> str:
    """Which nonideality to work on first, or which layer where nonidealities cannot be told apart.

    Two losses are told apart, and one from none, by two standard errors of the mean over the repeats.
    """
    rows = found.frame.to_dict(orient="records")
    whole = next(row for row in rows if row["layer"] == row["nonideality"] == ALL)
    layers = [row for row in rows if row["layer"] != ALL]
    parts = [row for row in rows if row["layer"] == ALL and row is not whole] or layers
    together = f"{found.metric.gap(max(whole['loss'], 0.0))} by everything together"
    if _stands_out(parts[0], found):
        said = f"Work first on {_name(parts[0])}: {_loss(parts[0], found)} lost by that alone, {together}"
        alike = [row for row in parts[1:] if not _differ(parts[0], row, found)]
        if alike:
            listed = ", ".join(f"{_name(row)} ({_loss(row, found)})" for row in alike)
            said += f"; no different within two standard errors: {listed}"
    elif _stands_out(whole, found):
        kind = "layer" if parts is layers else "nonideality"
        said = f"No {kind} to work on first: none alone loses more than two standard errors; {together}"
    else:
        return f"Nothing to work on: {together}, which is within two standard errors of none."
    if parts is not layers and len(layers) > 1 and _stands_out(layers[0], found):
        said += f". Of the layers, {layers[0]['layer']} alone loses most: {_loss(layers[0], found)}"
    return f"{said}."


def _name(row: dict[str, Any]) -> str:
    return name_of(row["layer"], row["nonideality"])


def _loss(row: dict[str, Any], found: RunSensitivity) -> str:
    return found.metric.gap(row["loss"])


def _standard_error(row: dict[str, Any], found: RunSensitivity) -> float:
    return float(row["std"]) / sqrt(found.repeats)


def _stands_out(row: dict[str, Any], found: RunSensitivity) -> bool:
    return bool(row["loss"] > _STANDARD_ERRORS * _standard_error(row, found))


def _differ(row: dict[str, Any], other: dict[str, Any], found: RunSensitivity) -> bool:
    both = hypot(_standard_error(row, found), _standard_error(other, found))
    return bool(row["loss"] - other["loss"] > _STANDARD_ERRORS * both)
