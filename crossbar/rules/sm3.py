"""SM3: second moments covered by their maxima per node and per input."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from crossbar.rules.base import RULES, Arithmetic, LearningRates, Rule, State, Values

if TYPE_CHECKING:
    from torch import Tensor


@RULES.register("sm3", label="SM3")
class SM3(Rule):
    """Adagrad with a bound in place of its sums: v = min(r_j, c_i) + g^2 and g / sqrt(v), r and c the maxima of v.

    R. Anil et al., NeurIPS (2019), arXiv:1901.11150, algorithm SM3-II, without its optional momentum; 0 / 0 is 0. Nodes
    and inputs are the sets of its cover. Like Adagrad's, the sums only grow, so steps die out as one over the root of
    the number of updates. Of a vector, such as biases, the bound is the sum itself.
    """

    state: ClassVar[State] = {"of_nodes": "nodes", "of_inputs": "inputs"}
    arithmetic = Arithmetic(multiplications=1, additions=1, divisions=2)
    learning_rates: ClassVar[LearningRates] = {"accumulated": 0.025}

    def direction(self, gradient: "Tensor", state: dict[str, "Tensor"], update: int) -> "Tensor":
        """See `Rule`."""
        of_nodes, of_inputs = state["of_nodes"], state["of_inputs"]
        bound = of_nodes.minimum(of_inputs).addcmul_(gradient, gradient)
        of_nodes.copy_(bound.amax(1, keepdim=True))
        of_inputs.copy_(bound.amax(0, keepdim=True))
        # Where nothing has ever come, any number but 0 will do.
        bound[bound == 0.0] = 1.0
        return gradient.div_(bound.sqrt_())

    def oracle(self, gradients: Values) -> Values:
        """Weight by weight, from the whole history."""
        _, n_out, n_in = gradients.shape
        of_nodes, of_inputs = [0.0] * n_out, [0.0] * n_in
        found = np.zeros((n_out, n_in))
        for gradient in gradients:
            bounds = [
                [min(of_nodes[j], of_inputs[i]) + gradient[j, i] ** 2 for i in range(n_in)]
                for j in range(n_out)
            ]
            of_nodes = [max(row) for row in bounds]
            of_inputs = [max(column) for column in zip(*bounds, strict=True)]
            found = np.array(
                [
                    [g / v**0.5 if v else 0.0 for g, v in zip(row, of_row, strict=True)]
                    for row, of_row in zip(gradient, bounds, strict=True)
                ]
            )
        return found
