"""What the hardware of a config is called wherever a user reads of it."""

from typing import Any

NOTHING_ELSE = "no converters, no wires, no array"
"""Beside weights that lie on devices, where the products are those of torch."""


def hardware_in_words(hardware: dict[str, Any]) -> str:
    """The section ``hardware:`` of a resolved config in a few words: the tile, and the devices on it."""
    tile = hardware.get("preset") or hardware["tile"]
    device, statistics = hardware.get("device"), hardware.get("statistics")
    if is_weights_alone(hardware):
        tile, device = "weights alone", None
    models = [device["model"] if device else None, statistics["preset"] if statistics else None]
    return ", ".join([tile, *(model for model in models if model)])


def is_weights_alone(hardware: dict[str, Any]) -> bool:
    """Whether trained weights are programmed into devices, and nothing else of a crossbar is computed."""
    return hardware["tile"] == "digital" and hardware.get("statistics") is not None
