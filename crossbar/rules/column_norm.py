"""Gradients of length 1 per output node."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from crossbar.rules.base import RULES, Arithmetic, Factors, LearningRates, Rule, Values

if TYPE_CHECKING:
    from torch import Tensor


@RULES.register("column_norm", label="column norm")
class ColumnNorm(Rule):
    """The gradient of a node's incoming weights over its Euclidean norm, g_j / |g_j|; nothing is kept.

    A. Glentis et al., arXiv:2506.16659, whose columns are those of a crossbar: all weights into one output node, the
    last axis of [n_out, n_in]. Of a layer that is split over arrays, the part of a node's weights that lies on one
    array. A vector, such as biases, is one column. A node without a gradient stays where it is.
    """

    pulse_trains = ("summed",)
    arithmetic = Arithmetic(multiplications=2, additions=1)
    learning_rates: ClassVar[LearningRates] = {"pulsed": 0.01, "accumulated": 0.04}
    cancels: ClassVar[Factors] = "nodes"
    vector_is_a_node = True

    def direction(self, gradient: "Tensor", state: dict[str, "Tensor"], update: int) -> "Tensor":
        """See `Rule`."""
        return normalised(gradient, axis=1)

    def oracle(self, gradients: Values) -> Values:
        """The last gradient, node by node."""
        return unit_rows(gradients[-1])


def normalised(values: "Tensor", axis: int, norm: float = 1.0) -> "Tensor":
    """`values`, in place, with vectors of that norm along an axis; vectors of zeros stay what they are."""
    length = values.norm(dim=axis, keepdim=True)
    length[length == 0.0] = 1.0
    return values.mul_(norm / length)


def unit_rows(values: Values) -> Values:
    """For the oracles: the rows one by one, each a unit vector or zeros."""
    return np.stack([row / np.sqrt(row @ row) if row.any() else row for row in values])
