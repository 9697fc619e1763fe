"""Adam."""

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from crossbar.rules.base import RULES, Arithmetic, LearningRates, Rule, State, Values

if TYPE_CHECKING:
    from torch import Tensor

Decay = Annotated[float, Field(ge=0.0, lt=1.0)]


@RULES.register("adam", label="Adam")
class Adam(Rule):
    """A decaying mean of gradients over the root of that of their squares, each corrected for its start at 0.

    D. P. Kingma and J. Ba, ICLR (2015), arXiv:1412.6980, algorithm 1; as in `torch.optim.Adam`.
    """

    state: ClassVar[State] = {"first_moment": "weights", "second_moment": "weights"}
    arithmetic = Arithmetic(multiplications=5, additions=3, divisions=2)
    learning_rates: ClassVar[LearningRates] = {"accumulated": 0.005}
    torch_class = "Adam"

    betas: tuple[Decay, Decay] = (0.9, 0.999)
    """What is left of the two means after one update."""
    eps: float = Field(default=1e-8, gt=0.0)
    """Added to the root of the mean square, so that nothing is divided by 0."""

    def direction(self, gradient: "Tensor", state: dict[str, "Tensor"], update: int) -> "Tensor":
        """See `Rule`."""
        decay_1, decay_2 = self.betas
        first = state["first_moment"].mul_(decay_1).add_(gradient, alpha=1.0 - decay_1)
        second = state["second_moment"].mul_(decay_2)
        second.addcmul_(gradient, gradient, value=1.0 - decay_2)
        root = second.sqrt().div_((1.0 - decay_2**update) ** 0.5).add_(self.eps)
        return first.div(root).div_(1.0 - decay_1**update)

    def oracle(self, gradients: Values) -> Values:
        """The moments as weighted means over all updates, whose weights add up to 1."""
        ages = np.arange(len(gradients))[::-1]
        weights_1, weights_2 = (decay**ages / (decay**ages).sum() for decay in self.betas)
        first = np.tensordot(weights_1, gradients, axes=1)
        second = np.tensordot(weights_2, gradients**2, axes=1)
        found: Values = first / (np.sqrt(second) + self.eps)
        return found
