"""Layers whose float weights are trained in the computer and programmed into arrays of devices once."""

from typing import Any


def is_array_layer(module: Any) -> bool:
    """Whether a module is one of these layers; told by what it can do, so that nobody waits for its imports."""
    return hasattr(module, "ideal_read")
