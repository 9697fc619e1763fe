"""Sign descent, the Manhattan rule of work on memristors."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from crossbar.rules.base import RULES, Factors, LearningRates, Rule, Values

if TYPE_CHECKING:
    from torch import Tensor


@RULES.register("sign_sgd", label="signSGD")
class SignSGD(Rule):
    """The sign of the gradient: every weight moves by the learning rate, or not at all; nothing is kept.

    J. Bernstein et al., ICML (2018), arXiv:1802.04434; E. Zamanidoost et al., WARP (2015), where every device gets one
    pulse. So it does here at a learning rate of one pulse; below that, with the probability of their ratio.
    """

    pulse_trains = ("summed",)
    learning_rates: ClassVar[LearningRates] = {"pulsed": 0.001, "accumulated": 0.002}
    cancels: ClassVar[Factors] = "weights"

    def direction(self, gradient: "Tensor", state: dict[str, "Tensor"], update: int) -> "Tensor":
        """See `Rule`."""
        return gradient.sign_()

    def oracle(self, gradients: Values) -> Values:
        """The last gradient over its magnitude."""
        last = gradients[-1]
        found: Values = np.divide(last, np.abs(last), out=np.zeros_like(last), where=last != 0.0)
        return found
