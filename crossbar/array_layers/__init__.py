"""Layers whose float weights are trained in the computer and programmed into arrays of devices once."""

from typing import Any

STATE_OF_ARRAYS = ("random_state", "input_range", "output_range")
"""What a state dict of such a layer holds beside that of the digital one."""


def is_array_layer(module: Any) -> bool:
    """Whether a module is one of these layers; told by what it can do, so that nobody waits for its imports."""
    return hasattr(module, "ideal_read")
