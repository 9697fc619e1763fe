"""Stochastic gradient descent."""

from typing import TYPE_CHECKING, ClassVar

from crossbar.rules.base import RULES, LearningRates, Rule, Values

if TYPE_CHECKING:
    from torch import Tensor


@RULES.register("sgd", label="SGD")
class SGD(Rule):
    """The gradient itself; nothing is kept."""

    pulse_trains = ("summed", "per_sample")
    learning_rates: ClassVar[LearningRates] = {
        "pulsed": 0.1,
        "accumulated": 0.8,
        "tiki_taka": 0.1,
        "ttv2": 0.1,
    }
    torch_class = "SGD"

    def direction(self, gradient: "Tensor", state: dict[str, "Tensor"], update: int) -> "Tensor":
        """See `Rule`."""
        return gradient

    def oracle(self, gradients: Values) -> Values:
        """The last gradient."""
        last: Values = gradients[-1]
        return last
