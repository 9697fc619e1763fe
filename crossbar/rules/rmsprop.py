"""RMSprop."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from crossbar.rules.base import RULES, Arithmetic, LearningRates, Rule, State, Values

if TYPE_CHECKING:
    from torch import Tensor


@RULES.register("rmsprop", label="RMSprop")
class RMSprop(Rule):
    """The gradient over the root of its decaying mean square, s <- a s + (1 - a) g^2 and g / (sqrt(s) + eps).

    T. Tieleman and G. Hinton, lecture 6.5 of Neural Networks for Machine Learning (2012); as in `torch.optim.RMSprop`.
    The GRAPES authors' code has epsilon inside the root, ``g / sqrt(s + 1e-8)``, so that gradients well below 1e-4 move
    weights less there.
    """

    state: ClassVar[State] = {"mean_square": "weights"}
    arithmetic = Arithmetic(multiplications=3, additions=2, divisions=2)
    learning_rates: ClassVar[LearningRates] = {"accumulated": 0.005}
    torch_class = "RMSprop"

    alpha: float = Field(default=0.9, ge=0.0, lt=1.0)
    """a, what is left of the mean square after one update."""
    eps: float = Field(default=1e-8, gt=0.0)
    """Added to the root of the mean square, so that nothing is divided by 0."""

    def direction(self, gradient: "Tensor", state: dict[str, "Tensor"], update: int) -> "Tensor":
        """See `Rule`."""
        square = state["mean_square"].mul_(self.alpha)
        square.addcmul_(gradient, gradient, value=1.0 - self.alpha)
        return gradient.div_(square.sqrt().add_(self.eps))

    def oracle(self, gradients: Values) -> Values:
        """With (1 - a) a^k times the squares of k updates ago."""
        ages = np.arange(len(gradients))[::-1]
        square = (1.0 - self.alpha) * np.tensordot(self.alpha**ages, gradients**2, axes=1)
        found: Values = gradients[-1] / (np.sqrt(square) + self.eps)
        return found
