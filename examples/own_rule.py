"""An update rule of your own, on digital weights and on the accumulator, and what it takes on the chip.

`imc-grapes --plugin own_rule.py` makes it available to run, sweep, footprint and report by name:
`--set training.optimizer.name=node_rms`.
"""

import torch
from torch import nn

from crossbar.rules import Arithmetic, Rule
from imc_grapes import PCMConfig, footprint, optimizer, register, to_crossbar


@register.rule("node_rms", label="node RMS")
class NodeRMS(Rule):
    """The gradient over the root of the decaying mean square of its node's: one number per node is kept."""

    state = {"mean_square": "nodes"}  # noqa: RUF012
    arithmetic = Arithmetic(multiplications=2, additions=1, divisions=1)

    decay: float = 0.9
    """What is left of the mean square after one update."""

    def direction(self, gradient, state, update):
        square = gradient.square().mean(1, keepdim=True)
        kept = state["mean_square"].mul_(self.decay).add_(square, alpha=1.0 - self.decay)
        return gradient / (kept.sqrt() + 1e-8)


if __name__ == "__main__":
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
    x = torch.randn(256, 8)
    batch = x, (x @ torch.randn(8, 4)).argmax(1)
    config = PCMConfig(update="accumulated", array={"weight_range": "auto"}, seed=0)
    for name, model in (("digital", net), ("accumulated", to_crossbar(net, config))):
        update = optimizer(model, "node_rms", lr=0.01, decay=0.8)
        for _ in range(60):
            update.zero_grad()
            nn.functional.cross_entropy(model(x), batch[1]).backward()
            update.step()
        right = (model(x).argmax(1) == batch[1]).float().mean()
        print(f"{name}: {100 * right:.0f} % of the training samples")
    frame = footprint(to_crossbar(net, config), batch, nn.functional.cross_entropy, updates=2)
    shown = ["method", "circuits", "state_bits", "own_energy_pJ"]
    print(frame[frame["method"].isin(["sgd", "node_rms", "adam"])][shown].to_string(index=False))
