"""Adafactor: second moments as the product of their means per node and per input."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from crossbar.rules.base import RULES, Arithmetic, LearningRates, Rule, State, Values

if TYPE_CHECKING:
    from torch import Tensor


@RULES.register("adafactor", label="Adafactor")
class Adafactor(Rule):
    """u = g / sqrt(r_j c_i / mean r), r and c the decaying means of g^2 per node and input; long updates are clipped.

    N. Shazeer and M. Stern, ICML (2018), arXiv:1804.04235, algorithm 4 without momentum: the decay of update t is
    1 - t^-0.8 (t = 1, 2, ...), which needs no correction of the start, and u is divided by max(1, RMS(u) / d). The
    learning rate is given from outside: neither the relative step sizes of algorithm 5 nor their scaling by the root
    mean square of the weights, which would have to be read off the devices. `torch.optim.Adafactor` has both: it
    multiplies the same u by ``max(eps2, RMS(weights)) * min(lr, 1 / sqrt(t))``, and keeps its smallest number out of
    the means.

    Of a layer that is split over arrays, each array by itself. Of a vector, such as biases, the product is the mean of
    g^2 itself.

    The means over inputs are complete only when all columns have been gone through, and RMS(u) only after once more, so
    that circuits without a memory for the gradient form it three times.
    """

    state: ClassVar[State] = {"of_nodes": "nodes", "of_inputs": "inputs"}
    arithmetic = Arithmetic(multiplications=4, additions=4, divisions=4)
    learning_rates: ClassVar[LearningRates] = {"accumulated": 0.004}

    decay_exponent: float = Field(default=0.8, gt=0.0, le=1.0)
    """Of 1 - t^-exponent, what is left of the means at update t."""
    clip_threshold: float = Field(default=1.0, gt=0.0)
    """d, largest root mean square of the update before the learning rate multiplies it."""
    eps: float = Field(default=1e-30, gt=0.0)
    """Added to the square of every gradient, so that nothing is divided by 0."""

    def passes(self) -> int:
        """One for the means, one for the root mean square of the update, one for the update."""
        return 3

    def direction(self, gradient: "Tensor", state: dict[str, "Tensor"], update: int) -> "Tensor":
        """See `Rule`."""
        new = update**-self.decay_exponent
        square = gradient.square().add_(self.eps)
        of_nodes = state["of_nodes"].lerp_(square.mean(1, keepdim=True), new)
        of_inputs = state["of_inputs"].lerp_(square.mean(0, keepdim=True), new)
        gradient.div_((of_nodes / of_nodes.mean()).sqrt_()).div_(of_inputs.sqrt())
        rms = gradient.square().mean().sqrt_()
        return gradient.div_((rms / self.clip_threshold).clamp_(min=1.0))

    def oracle(self, gradients: Values) -> Values:
        """The means as weighted sums over all updates."""
        updates = np.arange(1, len(gradients) + 1)
        new = updates**-self.decay_exponent
        left = np.array([np.prod(1.0 - new[one:]) for one in updates])
        mean = np.tensordot(new * left, gradients**2 + self.eps, axes=1)
        of_nodes, of_inputs = mean.mean(1), mean.mean(0)
        found: Values = gradients[-1] / np.sqrt(np.outer(of_nodes, of_inputs) / mean.mean())
        return found / max(1.0, float(np.sqrt(np.mean(found**2))) / self.clip_threshold)
