"""Any registered rule on digital parameters."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from crossbar.rules import Rule


class DenseOptimizer(torch.optim.Optimizer):
    """Carries out `Rule.direction`, for rules that torch does not have.

    A parameter of more or fewer than two dimensions is seen as a matrix, as `Rule.matrix_shape` says.

    Args:
        params: as for any optimizer of torch.
        lr: learning rate.
        rule: with its constants.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, rule: Rule) -> None:
        self._rule = rule
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update every parameter that has a gradient; returns what `closure` does."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group["lr"])
        return loss

    def _update(self, parameter: Tensor, lr: float) -> None:
        assert parameter.grad is not None
        gradient = parameter.grad.reshape(self._rule.matrix_shape(parameter.shape)).clone()
        state: dict[str, Any] = self.state[parameter]
        if not state:
            shapes = self._rule.state_shapes(*gradient.shape)
            state |= {name: gradient.new_zeros(shape) for name, shape in shapes.items()}
            state["step"] = 0
        state["step"] += 1
        held = {name: state[name] for name in self._rule.state}
        direction = self._rule.direction(gradient, held, state["step"])
        parameter.add_(direction.reshape(parameter.shape), alpha=-lr)
