"""Nesterov's accelerated gradient."""

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from crossbar.rules.base import RULES, Arithmetic, LearningRates, Rule, State, Values

if TYPE_CHECKING:
    from torch import Tensor


@RULES.register("nag", label="NAG")
class NAG(Rule):
    """Momentum with the gradient at the look-ahead point: v <- mu v + g, and g + mu v, as in `torch.optim.SGD`.

    Y. Nesterov, Sov. Math. Dokl. 27, 372 (1983), in the form of I. Sutskever et al., ICML (2013). The weights that the
    network computes with are those of the look-ahead point.
    """

    state: ClassVar[State] = {"momentum": "weights"}
    arithmetic = Arithmetic(multiplications=2, additions=2)
    learning_rates: ClassVar[LearningRates] = {"accumulated": 0.04}
    torch_class = "SGD"

    momentum: float = Field(default=0.9, gt=0.0, lt=1.0)
    """mu, what is left of the sum after one update."""

    def direction(self, gradient: "Tensor", state: dict[str, "Tensor"], update: int) -> "Tensor":
        """See `Rule`."""
        velocity = state["momentum"].mul_(self.momentum).add_(gradient)
        return gradient.add_(velocity, alpha=self.momentum)

    def oracle(self, gradients: Values) -> Values:
        """The last gradient, and mu^(k + 1) times those of k updates ago."""
        ages = np.arange(len(gradients))[::-1]
        found: Values = gradients[-1] + np.tensordot(
            self.momentum ** (ages + 1.0), gradients, axes=1
        )
        return found

    def torch_arguments(self) -> dict[str, Any]:
        """Of `torch.optim.SGD`."""
        return {"momentum": self.momentum, "nesterov": True}
