"""Gradients normalised per node and per input in turn."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from crossbar.rules.base import RULES, Arithmetic, Factors, LearningRates, Rule, Values
from crossbar.rules.column_norm import normalised

if TYPE_CHECKING:
    from torch import Tensor


@RULES.register("sinkgd", label="SinkGD")
class SinkGD(Rule):
    """L times: the gradient of every node to norm sqrt(n_in), then that of every input to sqrt(n_out); nothing is kept.

    M. Scetbon et al., arXiv:2502.06742, whose matrices are [n_out, n_in] here. The root mean square of what comes out
    is 1. Of a layer that is split over arrays, each array by itself. Of a vector, such as biases, every entry becomes
    its sign. Nodes and inputs without a gradient stay where they are.

    The sums over inputs are complete only when all columns have been gone through, so that circuits without a memory
    for the gradient form it once more for each of the L rounds.
    """

    pulse_trains = ("summed",)
    learning_rates: ClassVar[LearningRates] = {"pulsed": 0.001, "accumulated": 0.002}
    cancels: ClassVar[Factors] = "nodes"

    iterations: int = Field(default=5, ge=1, le=100)
    """L, rounds of the two normalisations; 5 as in the paper."""

    def per_weight(self) -> Arithmetic:
        """Either norm takes a product with the other factor, a square and a sum; in the end come both factors."""
        return Arithmetic(multiplications=4 * self.iterations + 2, additions=2 * self.iterations)

    def passes(self) -> int:
        """One for each round, and one for the update."""
        return self.iterations + 1

    def direction(self, gradient: "Tensor", state: dict[str, "Tensor"], update: int) -> "Tensor":
        """See `Rule`."""
        n_out, n_in = gradient.shape
        for _ in range(self.iterations):
            normalised(gradient, axis=1, norm=n_in**0.5)
            normalised(gradient, axis=0, norm=n_out**0.5)
        return gradient

    def oracle(self, gradients: Values) -> Values:
        """By the factors of nodes and inputs alone, as in Sinkhorn's balancing of the squared gradient."""
        squares = gradients[-1] ** 2
        n_out, n_in = squares.shape
        inputs = np.ones(n_in)
        for _ in range(self.iterations):
            nodes = _filled(n_in, squares @ inputs)
            inputs = _filled(n_out, squares.T @ nodes)
        found: Values = gradients[-1] * np.sqrt(np.outer(nodes, inputs))
        return found


def _filled(total: int, sums: Values) -> Values:
    return np.divide(float(total), sums, out=np.ones_like(sums), where=sums > 0.0)
