"""Updates of a network of four weight layers against an oracle in NumPy float64, written from the published equations.

The oracle knows nothing of the package: backpropagation, feedback alignment and direct feedback alignment of a
perceptron with ReLU and softmax cross-entropy, without biases; the factors ``2 I / max I``; and five optimizers.
"""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from imc_grapes import DirectFeedbackAlignment, FeedbackAlignment, Grapes
from imc_grapes.rules import optimizer as optimizer_for

WIDTHS = (12, 10, 9, 8, 5)
STEPS = 20
RATES = {"sgd": 0.05, "momentum": 0.02, "nag": 0.02, "rmsprop": 0.002, "adam": 0.003}


def factors(sums, clip, mean):
    ratio = 2.0 * sums / sums.max()
    found = np.clip(ratio, 1.0, 2.0) if clip else ratio
    return np.full_like(found, found.mean()) if mean else found


def incoming(weights, clip, mean):
    """One factor per node, from the weights that come in."""
    return factors(np.abs(weights).sum(1), clip, mean)


def outgoing(weights, clip, mean):
    """One factor per input, from the weights that go out."""
    return factors(np.abs(weights).sum(0), clip, mean)


def gradients(w, x, labels, transport, mode, clip, feedback):
    """Of the mean cross-entropy, with the error modulated: a list of ``[n_out, n_in]``."""
    mean = mode == "lr_matched"
    a, h = [], [x]
    for matrix in w:
        a.append(h[-1] @ matrix.T)
        h.append(np.maximum(a[-1], 0.0))
    shifted = np.exp(a[-1] - a[-1].max(1, keepdims=True))
    e = (shifted / shifted.sum(1, keepdims=True) - np.eye(WIDTHS[-1])[labels]) / len(x)
    last = len(w) - 1
    delta, per_input = {last: e}, {}
    updating = {last: e}
    for i in range(last - 1, -1, -1):
        slope = (a[i] > 0).astype(float)
        if transport == "dfa":
            sent = e @ feedback[i + 1].T
            in_the_middle = i > 0
            if mode != "none" and in_the_middle:
                if i + 1 != last:
                    sent = sent * outgoing(w[i + 1], clip, mean)
                per_input[i] = outgoing(w[i], clip, mean)
            delta[i] = updating[i] = sent * slope
            continue
        back = w[i + 1] if transport == "bp" else feedback[i + 1]
        plain = (delta[i + 1] @ back) * slope
        modulation = 1.0 if mode == "none" else incoming(w[i], clip, mean)
        updating[i] = plain * modulation
        delta[i] = plain if mode == "local" else updating[i]
    found = [updating[i].T @ h[i] for i in range(len(w))]
    return [g * per_input[i] if i in per_input else g for i, g in enumerate(found)]


class Optimizer:
    """The authors' rules, but for RMSprop's epsilon, which they add inside the root.

    NAG at the look-ahead point, so what it holds is ``w - 0.9 v``.
    """

    def __init__(self, name, lr, weights):
        self.name, self.lr, self.t = name, lr, 0
        self.w = [one.copy() for one in weights]
        self.shown = [one.copy() for one in weights]
        self.v = [np.zeros_like(one) for one in weights]
        self.s = [np.zeros_like(one) for one in weights]

    def step(self, gradients):
        self.t += 1
        for i, g in enumerate(gradients):
            if self.name == "sgd":
                self.w[i] -= self.lr * g
            elif self.name in ("momentum", "nag"):
                self.v[i] = 0.9 * self.v[i] + self.lr * g
                self.w[i] -= self.v[i]
            elif self.name == "rmsprop":
                self.s[i] = 0.9 * self.s[i] + 0.1 * g**2
                self.w[i] -= self.lr * g / (np.sqrt(self.s[i]) + 1e-8)
            else:
                self.v[i] = 0.9 * self.v[i] + 0.1 * g
                self.s[i] = 0.999 * self.s[i] + 0.001 * g**2
                first = self.v[i] / (1 - 0.9**self.t)
                second = self.s[i] / (1 - 0.999**self.t)
                self.w[i] -= self.lr * first / (np.sqrt(second) + 1e-8)
            self.shown[i] = self.w[i] - 0.9 * self.v[i] if self.name == "nag" else self.w[i].copy()


def perceptron():
    generator = torch.Generator().manual_seed(5)
    layers = []
    for n_in, n_out in pairwise(WIDTHS):
        layer = nn.Linear(n_in, n_out, bias=False, dtype=torch.float64)
        with torch.no_grad():
            spread = torch.rand(n_out, 1, generator=generator) * torch.rand(
                1, n_in, generator=generator
            )
            layer.weight.normal_(generator=generator).mul_(spread + 0.05)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


TRANSPORTS = {"bp": None, "fa": FeedbackAlignment, "dfa": DirectFeedbackAlignment}
CASES = [
    (transport, mode, clip)
    for transport in TRANSPORTS
    for mode in ("none", "propagating", "local", "lr_matched")
    for clip in ((None,) if mode == "none" else (True, False, None))
    if (transport, mode) != ("dfa", "local")
]


@pytest.mark.parametrize("optimizer", RATES)
@pytest.mark.parametrize(("transport", "mode", "clip"), CASES)
def test_updates_equal_the_oracle(transport, mode, clip, optimizer):
    model = perceptron()
    attached = TRANSPORTS[transport] and TRANSPORTS[transport](model, seed=3)
    if mode != "none":
        Grapes(model, mode, clip=clip)
    trained = optimizer_for(model, optimizer, lr=RATES[optimizer])
    oracle = Optimizer(
        optimizer,
        RATES[optimizer],
        [p.detach().numpy().copy() for p in model.parameters()],
    )
    clipped = transport == "bp" if clip is None else clip
    data = np.random.default_rng(1)
    for _ in range(STEPS):
        x, labels = data.random((7, WIDTHS[0])), data.integers(WIDTHS[-1], size=7)
        trained.zero_grad()
        loss = nn.functional.cross_entropy(model(torch.from_numpy(x)), torch.from_numpy(labels))
        loss.backward()
        feedback = (
            {int(name) // 2: b.numpy() for name, b in attached.feedback().items()}
            if attached
            else {}
        )
        before = [p.detach().numpy().copy() for p in model.parameters()]
        shown_before = [one.copy() for one in oracle.shown]
        oracle.step(gradients(oracle.shown, x, labels, transport, mode, clipped, feedback))
        trained.step()
        for i, parameter in enumerate(model.parameters()):
            update = parameter.detach().numpy() - before[i]
            expected = oracle.shown[i] - shown_before[i]
            assert np.abs(update - expected).max() <= 1e-6 * np.abs(expected).max()
