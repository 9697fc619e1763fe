"""Stochastic gradient descent with heavy-ball momentum."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from crossbar.rules.base import RULES, Arithmetic, LearningRates, Rule, State, Values

if TYPE_CHECKING:
    from torch import Tensor


@RULES.register("momentum", label="momentum")
class Momentum(Rule):
    """A decaying sum of gradients, v <- mu v + g, without dampening, as in `torch.optim.SGD`.

    B. T. Polyak, USSR Comput. Math. Math. Phys. 4, 1 (1964).
    """

    state: ClassVar[State] = {"momentum": "weights"}
    arithmetic = Arithmetic(multiplications=1, additions=1)
    learning_rates: ClassVar[LearningRates] = {"accumulated": 0.04}
    torch_class = "SGD"

    momentum: float = Field(default=0.9, ge=0.0, lt=1.0)
    """mu, what is left of the sum after one update."""

    def direction(self, gradient: "Tensor", state: dict[str, "Tensor"], update: int) -> "Tensor":
        """See `Rule`."""
        return state["momentum"].mul_(self.momentum).add_(gradient)

    def oracle(self, gradients: Values) -> Values:
        """Sum of mu^k over the gradients of k updates ago."""
        return _weighted_sum(self.momentum, gradients)


def _weighted_sum(decay: float, gradients: Values) -> Values:
    ages = np.arange(len(gradients))[::-1]
    summed: Values = np.tensordot(float(decay) ** ages, gradients, axes=1)
    return summed
