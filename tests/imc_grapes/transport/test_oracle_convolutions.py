"""Gradients of a convolutional network under every error transport against loops in NumPy float64.

Two convolutions (the second with stride 2 and padding), a max-pooling between them, one fully connected layer; squared
error, so that the error at the output is ``y - t``.
"""

import numpy as np
import pytest
import torch
from torch import nn

from imc_grapes import DirectFeedbackAlignment, FeedbackAlignment, Grapes

TRANSPORTS = {"bp": None, "fa": FeedbackAlignment, "dfa": DirectFeedbackAlignment}
CLASSES = 4


def network():
    generator = torch.Generator().manual_seed(2)
    layers = [
        nn.Conv2d(2, 3, 3, padding=1, bias=False),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(3, 5, 3, padding=1, stride=2, bias=False),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(5 * 2 * 2, 7, bias=False),
        nn.ReLU(),
        nn.Linear(7, CLASSES, bias=False),
    ]
    model = nn.Sequential(*layers).double()
    for parameter in model.parameters():
        with torch.no_grad():
            parameter.normal_(generator=generator)
            parameter.mul_(
                torch.rand(len(parameter), generator=generator).view(
                    -1, *[1] * (parameter.dim() - 1)
                )
            )
    return model


def places(x, w, stride, padding):
    """Every pixel of the output, and the patch of the padded input under its filter."""
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    size, k = (padded.shape[2] - w.shape[2]) // stride + 1, w.shape[2]
    for row in range(size):
        for column in range(size):
            at = (
                slice(None),
                slice(None),
                slice(row * stride, row * stride + k),
                slice(column * stride, column * stride + k),
            )
            yield row, column, padded, at


def convolution(x, w, stride, padding):
    found = {
        (r, c): np.einsum("bikl,oikl->bo", p[at], w)
        for r, c, p, at in places(x, w, stride, padding)
    }
    size = max(found)[0] + 1
    return np.stack([np.stack([found[r, c] for c in range(size)], 2) for r in range(size)], 2)


def filter_gradient(x, w, error, stride, padding):
    return sum(
        np.einsum("bo,bikl->oikl", error[:, :, r, c], p[at])
        for r, c, p, at in places(x, w, stride, padding)
    )


def sent_upstream(x, w, error, stride, padding):
    total = np.zeros(np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding))).shape)
    for r, c, _, at in places(x, w, stride, padding):
        total[at] += np.einsum("bo,oikl->bikl", error[:, :, r, c], w)
    return total[:, :, padding : total.shape[2] - padding, padding : total.shape[3] - padding]


def pooled(x):
    b, c, h, w = x.shape
    return x.reshape(b, c, h // 2, 2, w // 2, 2).max((3, 5))


def unpooled(x, error):
    spread = np.repeat(np.repeat(error, 2, 2), 2, 3)
    return spread * (x == np.repeat(np.repeat(pooled(x), 2, 2), 2, 3))


def factor(weights, axis, clip):
    sums = np.abs(weights).sum(tuple(i for i in range(weights.ndim) if i != axis))
    found = 2.0 * sums / sums.max()
    return np.clip(found, 1.0, 2.0) if clip else found


def expected(w, x, t, transport, modulated, feedback):
    w0, w1, w2, w3 = w
    a0 = convolution(x, w0, 1, 1)
    h0 = np.maximum(a0, 0)
    p0 = pooled(h0)
    a1 = convolution(p0, w1, 2, 1)
    h1 = np.maximum(a1, 0).reshape(len(x), -1)
    a2 = h1 @ w2.T
    h2 = np.maximum(a2, 0)
    e = h2 @ w3.T - t
    clip = transport == "bp"
    m = [
        factor(one, 0, clip) if modulated and transport != "dfa" else np.ones(len(one)) for one in w
    ]
    if transport == "dfa":
        q1 = factor(w1, 1, False) if modulated else np.ones(3)
        q2 = factor(w2, 1, False) if modulated else np.ones(20)
        d2 = e @ feedback["8"].T * (a2 > 0)
        d1 = ((e @ feedback["6"].T) * q2).reshape(a1.shape) * (a1 > 0)
        d0 = unpooled(h0, (e @ feedback["3"].T).reshape(p0.shape)) * (a0 > 0)
        # The first hidden layer gets no factor: what layer 3 sends is not scaled, its own update is.
        g1 = filter_gradient(p0, w1, d1, 2, 1) * q1[None, :, None, None]
        g2 = d2.T @ h1 * q2
    else:
        back = (
            [w0, w1, w2, w3]
            if transport == "bp"
            else [None, *(feedback[n] for n in ("3", "6", "8"))]
        )
        d2 = m[2] * (e @ back[3]) * (a2 > 0)
        d1 = m[1][:, None, None] * (d2 @ back[2]).reshape(a1.shape) * (a1 > 0)
        d0 = m[0][:, None, None] * unpooled(h0, sent_upstream(p0, back[1], d1, 2, 1)) * (a0 > 0)
        g1, g2 = filter_gradient(p0, w1, d1, 2, 1), d2.T @ h1
    return [filter_gradient(x, w0, d0, 1, 1), g1, g2, e.T @ h2]


@pytest.mark.parametrize("modulated", [False, True])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_gradients_equal_the_oracle(transport, modulated):
    model = network()
    attached = TRANSPORTS[transport] and TRANSPORTS[transport](model, seed=1)
    if modulated:
        Grapes(model)
    data = np.random.default_rng(0)
    x, t = data.random((3, 2, 8, 8)), data.random((3, CLASSES))
    (0.5 * (model(torch.from_numpy(x)) - torch.from_numpy(t)).square()).sum().backward()
    feedback = {name: b.numpy() for name, b in attached.feedback().items()} if attached else {}
    w = [parameter.detach().numpy() for parameter in model.parameters()]
    for parameter, wanted in zip(
        model.parameters(), expected(w, x, t, transport, modulated, feedback), strict=True
    ):
        assert np.abs(parameter.grad.numpy() - wanted).max() <= 1e-10 * np.abs(wanted).max()
