"""SCALE: gradients of length 1 per node, with momentum in the output layer alone."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from crossbar.rules.base import RULES, Arithmetic, LearningRates, Rule, State, Values
from crossbar.rules.column_norm import ColumnNorm, normalised, unit_rows

if TYPE_CHECKING:
    from torch import Tensor


@RULES.register("scale", label="SCALE")
class Scale(Rule):
    """Column-normalised gradients; in the output layer their decaying mean, m <- b m + (1 - b) g and m_j / |m_j|.

    A. Glentis et al., arXiv:2506.16659, algorithm 1. All other layers, and parameters that belong to no weight layer,
    follow `column_norm` and keep nothing. The decay is that of common momentum: the paper's own was not re-read
    (*unverified*).
    """

    state: ClassVar[State] = {"momentum": "weights"}
    arithmetic = Arithmetic(multiplications=4, additions=2)
    learning_rates: ClassVar[LearningRates] = {"accumulated": 0.04}
    vector_is_a_node = True

    momentum: float = Field(default=0.9, ge=0.0, lt=1.0)
    """b, what is left of the mean in the output layer after one update."""
    output_layers: tuple[str, ...] | None = None
    """Names of the layers that keep momentum; null: the weight layer that the model has last."""

    def of_layer(self, name: str | None, is_last: bool) -> Rule:
        """This rule in the output layers, `column_norm` elsewhere."""
        is_output = is_last if self.output_layers is None else name in self.output_layers
        return self if is_output else ColumnNorm()

    @property
    def named_layers(self) -> tuple[str, ...]:
        """See `Rule`."""
        return self.output_layers or ()

    def direction(self, gradient: "Tensor", state: dict[str, "Tensor"], update: int) -> "Tensor":
        """See `Rule`."""
        mean = state["momentum"].mul_(self.momentum).add_(gradient, alpha=1.0 - self.momentum)
        return normalised(gradient.copy_(mean), axis=1)

    def oracle(self, gradients: Values) -> Values:
        """Of the mean with weights b^k, whose common factor is divided out."""
        ages = np.arange(len(gradients))[::-1]
        return unit_rows(np.tensordot(float(self.momentum) ** ages, gradients, axes=1))
