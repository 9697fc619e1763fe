"""What the hardware of a config, and how its drift is met, are called wherever a user reads of them."""

from typing import Any

from device_models.inference.spec import StatisticsSpec

NOTHING_ELSE = "no converters, no wires, no array"
"""Beside weights that lie on devices, where the products are those of torch."""

COMPENSATIONS = {
    "none": "no compensation",
    "global": "global drift compensation",
    "column": "drift compensation per column",
}
"""By the kind that stands beside a score."""


OWN_COMPENSATION = "own"
"""Each trial's own kind, where the trials of a sweep have none in common."""


def with_compensation(kind: str) -> str:
    """``with global drift compensation``, ``without drift compensation``."""
    if kind == OWN_COMPENSATION:
        return "each with its own drift compensation"
    return "without drift compensation" if kind == "none" else f"with {COMPENSATIONS[kind]}"


def hardware_in_words(hardware: dict[str, Any]) -> str:
    """The section ``hardware:`` of a resolved config in a few words: the tile, and the devices on it."""
    tile = hardware.get("preset") or hardware["tile"]
    device, statistics = hardware.get("device"), hardware.get("statistics")
    if (hardware.get("update") or {}).get("kind") == "software":
        tile, device = f"{tile}, trained in software", None
        statistics = statistics or StatisticsSpec().model_dump(mode="json")
    if is_weights_alone(hardware):
        tile, device = "weights alone", None
    models = [device["model"] if device else None, statistics["preset"] if statistics else None]
    return ", ".join([tile, *(model for model in models if model)])


def is_weights_alone(hardware: dict[str, Any]) -> bool:
    """Whether trained weights are programmed into devices, and nothing else of a crossbar is computed."""
    return hardware["tile"] == "digital" and hardware.get("statistics") is not None
