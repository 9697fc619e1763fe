"""Two optimizers that step as one: one for the tiles, one for everything beside them."""

from typing import Any

import torch


class JointOptimizer:
    """What the training loop uses of an optimizer, for several of them together.

    Tiles that run momentum or Adam on their own accumulator take only the learning rate from outside, by aihwkit's
    `AnalogSGD`; biases and normalisations beside them need the same rule from torch.
    """

    def __init__(self, *parts: torch.optim.Optimizer) -> None:
        self.parts = parts

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of all parts."""
        return [group for part in self.parts for group in part.param_groups]

    @property
    def state(self) -> dict[Any, Any]:
        """The state of all parts."""
        return {key: value for part in self.parts for key, value in part.state.items()}

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for part in self.parts:
            part.zero_grad()

    def step(self) -> None:
        """Update everything once."""
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """The states of all parts, in order."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put back what `state_dict` gave."""
        for part, values in zip(self.parts, state["parts"], strict=True):
            part.load_state_dict(values)
