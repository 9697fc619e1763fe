"""A rule of somebody's own, all of it: gradients over the root mean square of their node's."""

from crossbar.rules import RULES, Arithmetic, Rule


@RULES.register("node_rms", label="node RMS")
class NodeRMS(Rule):
    """Keeps one number per node."""

    state = {"mean_square": "nodes"}  # noqa: RUF012
    arithmetic = Arithmetic(multiplications=2, additions=1, divisions=1)
    learning_rates = {"accumulated": 0.02}  # noqa: RUF012

    decay: float = 0.9
    """What is left of the mean square after one update."""

    def direction(self, gradient, state, update):
        square = gradient.square().mean(1, keepdim=True)
        state["mean_square"].mul_(self.decay).add_(square, alpha=1.0 - self.decay)
        return gradient / state["mean_square"].sqrt().add(1e-8)
