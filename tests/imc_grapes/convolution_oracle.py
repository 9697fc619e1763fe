"""Convolutional networks in NumPy float64 with backpropagation by hand, and GRAPES on them.

Written from the equations, not from the package. A network is a list of blocks; each has `forward(x)`, which remembers
what the way back needs, and `back(error)`, which fills `gradients` and returns the error of its input. Images are
``[batch, channels, height, width]``.
"""

import numpy as np


def per_filter(factors, error):
    """Factors ``[n]`` laid along the axis of the filters, or of the nodes."""
    return factors.reshape(1, -1, *[1] * (error.ndim - 2))


class Weights:
    """What matrix and convolution share: factors, and where GRAPES acts.

    `mode` None: no modulation. The modulated error enters behind the normalisation, which `Norm` asks for.
    """

    def __init__(self, weights, mode=None):
        self.weights = weights
        self.mode = mode

    def factors(self):
        importance = np.array([np.abs(one).sum() for one in self.weights])
        found = np.clip(2.0 * importance / importance.max(), 1.0, 2.0)
        return np.full_like(found, found.mean()) if self.mode == "lr_matched" else found

    def modulated(self, error):
        upstream = self.mode in ("propagating", "lr_matched")
        return error * per_filter(self.factors(), error) if upstream else error

    def keep(self, gradient):
        if self.mode == "local":
            gradient = gradient * self.factors().reshape(-1, *[1] * (gradient.ndim - 1))
        self.gradients = [gradient]


class Matrix(Weights):
    def forward(self, x):
        self.shape = x.shape
        self.x = x.reshape(len(x), -1)
        return self.x @ self.weights.T

    def back(self, error):
        self.keep(error.T @ self.x)
        return (error @ self.weights).reshape(self.shape)


class Convolution(Weights):
    """Stride 1; `padding` zeros on every side."""

    def __init__(self, weights, padding, mode=None):
        super().__init__(weights, mode)
        self.padding = padding

    def forward(self, x):
        p, k = self.padding, self.weights.shape[2]
        self.x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        height, width = self.x.shape[2] - k + 1, self.x.shape[3] - k + 1
        out = np.zeros((len(x), len(self.weights), height, width))
        for i in range(k):
            for j in range(k):
                window = self.x[:, :, i : i + height, j : j + width]
                out += np.einsum("bchw,fc->bfhw", window, self.weights[:, :, i, j])
        return out

    def back(self, error):
        k, (height, width) = self.weights.shape[2], error.shape[2:]
        gradient, to_input = np.zeros_like(self.weights), np.zeros_like(self.x)
        for i in range(k):
            for j in range(k):
                window = self.x[:, :, i : i + height, j : j + width]
                gradient[:, :, i, j] = np.einsum("bfhw,bchw->fc", error, window)
                to_input[:, :, i : i + height, j : j + width] += np.einsum(
                    "bfhw,fc->bchw", error, self.weights[:, :, i, j]
                )
        self.keep(gradient)
        p = self.padding
        return to_input[:, :, p : to_input.shape[2] - p, p : to_input.shape[3] - p]


class Norm:
    """Batch normalisation in training, with scale and shift per channel."""

    def __init__(self, scale, shift, epsilon=1e-5):
        self.scale, self.shift, self.epsilon = scale, shift, epsilon

    def forward(self, x):
        axes = (0, 2, 3)
        self.std = np.sqrt(x.var(axes, keepdims=True) + self.epsilon)
        self.normed = (x - x.mean(axes, keepdims=True)) / self.std
        return per_filter(self.scale, x) * self.normed + per_filter(self.shift, x)

    def back(self, error):
        axes = (0, 2, 3)
        self.gradients = [(error * self.normed).sum(axes), error.sum(axes)]
        inner = error * per_filter(self.scale, error)
        mean = inner.mean(axes, keepdims=True)
        along = (inner * self.normed).mean(axes, keepdims=True)
        return (inner - mean - self.normed * along) / self.std


class ReLU:
    gradients = ()

    def forward(self, x):
        self.passed = x > 0
        return x * self.passed

    def back(self, error):
        return error * self.passed


class MaxPool:
    """2x2; a row or column that is left over is dropped."""

    gradients = ()

    def forward(self, x):
        self.shape = x.shape
        height, width = x.shape[2] // 2, x.shape[3] // 2
        tiles = x[:, :, : 2 * height, : 2 * width].reshape(*x.shape[:2], height, 2, width, 2)
        tiles = tiles.transpose(0, 1, 2, 4, 3, 5).reshape(*x.shape[:2], height, width, 4)
        self.largest = tiles.argmax(-1)
        return tiles.max(-1)

    def back(self, error):
        batch, channels, height, width = error.shape
        tiles = np.zeros((*error.shape, 4))
        np.put_along_axis(tiles, self.largest[..., None], error[..., None], -1)
        tiles = tiles.reshape(batch, channels, height, width, 2, 2).transpose(0, 1, 2, 4, 3, 5)
        to_input = np.zeros(self.shape)
        to_input[:, :, : 2 * height, : 2 * width] = tiles.reshape(
            batch, channels, 2 * height, 2 * width
        )
        return to_input


class Layer:
    """Weights, what acts on each of their channels alone, and the modulation: behind the first normalisation, or else
    at the output of the weights."""

    def __init__(self, weights, *behind):
        self.weights, self.behind = weights, behind

    def forward(self, x):
        x = self.weights.forward(x)
        for block in self.behind:
            x = block.forward(x)
        return x

    def back(self, error):
        at = next((b for b in self.behind if isinstance(b, Norm)), None)
        for block in reversed(self.behind):
            error = block.back(self.weights.modulated(error) if block is at else error)
        return self.weights.back(error if at else self.weights.modulated(error))

    @property
    def gradients(self):
        return [g for block in (self.weights, *self.behind) for g in block.gradients]


class Residual:
    def __init__(self, *layers):
        self.layers = layers

    def forward(self, x):
        inner = x
        for layer in self.layers:
            inner = layer.forward(inner)
        return x + inner

    def back(self, error):
        inner = error
        for layer in reversed(self.layers):
            inner = layer.back(inner)
        return error + inner

    @property
    def gradients(self):
        return [g for layer in self.layers for g in layer.gradients]


def run(network, x):
    for block in network:
        x = block.forward(x)
    return x


def back(network, error):
    """All gradients, in the order of the network, and the error of its input."""
    for block in reversed(network):
        error = block.back(error)
    return [g for block in network for g in block.gradients], error
