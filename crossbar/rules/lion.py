"""Lion."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from crossbar.rules.adam import Decay
from crossbar.rules.base import RULES, Arithmetic, LearningRates, Rule, State, Values

if TYPE_CHECKING:
    from torch import Tensor


@RULES.register("lion", label="Lion")
class Lion(Rule):
    """The sign of momentum that the gradient leads: sign(b1 m + (1 - b1) g), and then m <- b2 m + (1 - b2) g.

    X. Chen et al., NeurIPS (2023), arXiv:2302.06675, program 1, without its weight decay; as `optax.lion` with
    ``weight_decay=0``.
    """

    state: ClassVar[State] = {"momentum": "weights"}
    arithmetic = Arithmetic(multiplications=4, additions=2)
    learning_rates: ClassVar[LearningRates] = {"accumulated": 0.001}

    betas: tuple[Decay, Decay] = (0.9, 0.99)
    """The share of the momentum in the update, and what is left of it after one."""

    def direction(self, gradient: "Tensor", state: dict[str, "Tensor"], update: int) -> "Tensor":
        """See `Rule`."""
        share, left = self.betas
        momentum = state["momentum"]
        direction = momentum.lerp(gradient, 1.0 - share).sign_()
        momentum.lerp_(gradient, 1.0 - left)
        return direction

    def oracle(self, gradients: Values) -> Values:
        """The momentum as a weighted sum over all earlier updates."""
        share, left = self.betas
        ages = np.arange(len(gradients) - 1)[::-1]
        momentum = (1.0 - left) * np.tensordot(float(left) ** ages, gradients[:-1], axes=1)
        led: Values = share * momentum + (1.0 - share) * gradients[-1]
        return np.sign(led)
