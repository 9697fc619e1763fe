"""Recurrent layers in NumPy float64 with backpropagation through time by hand, and GRAPES on them.

Written from the equations of torch's documentation and of the paper, not from the package. Weights are
``[gates * n, n_in]``
and ``[gates * n, n]``, gate after gate: input, forget, cell, output for an LSTM; reset, update, new for a GRU.
"""

from dataclasses import dataclass

import numpy as np

GATES = {"rnn": 1, "lstm": 4, "gru": 3}


@dataclass
class Layer:
    kind: str
    w_ih: np.ndarray
    w_hh: np.ndarray
    b_ih: np.ndarray
    b_hh: np.ndarray

    @property
    def n(self):
        return self.w_hh.shape[1]


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def factors(layer, mode):
    """Of each unit, from the absolute weights of all its gates, input and recurrent."""
    importance = np.zeros(layer.n)
    for matrix in (layer.w_ih, layer.w_hh):
        for row, weights in enumerate(matrix):
            importance[row % layer.n] += np.abs(weights).sum()
    found = np.clip(2.0 * importance / importance.max(), 1.0, 2.0)
    return np.full_like(found, found.mean()) if mode == "lr_matched" else found


def step(layer, x, h, c):
    """One time step: output, cell state, and what the way back needs."""
    a = x @ layer.w_ih.T + layer.b_ih
    r = h @ layer.w_hh.T + layer.b_hh
    n = layer.n
    if layer.kind == "rnn":
        y = np.tanh(a + r)
        return y, c, (y,)
    if layer.kind == "lstm":
        z = a + r
        i, f, o = (sigmoid(z[:, k * n : (k + 1) * n]) for k in (0, 1, 3))
        g = np.tanh(z[:, 2 * n : 3 * n])
        after = f * c + i * g
        return o * np.tanh(after), after, (i, f, g, o, after)
    reset = sigmoid(a[:, :n] + r[:, :n])
    update = sigmoid(a[:, n : 2 * n] + r[:, n : 2 * n])
    recurrent_part = r[:, 2 * n :]
    new = np.tanh(a[:, 2 * n :] + reset * recurrent_part)
    return (1 - update) * new + update * h, c, (reset, update, new, recurrent_part)


def step_back(layer, h, c, kept, dy, dc):
    """Errors of the input sums (of W_ih, of W_hh), of the state before apart from W_hh, of the cell state before."""
    if layer.kind == "rnn":
        dz = dy * (1 - kept[0] ** 2)
        return dz, dz, 0.0, dc
    if layer.kind == "lstm":
        i, f, g, o, after = kept
        squashed = np.tanh(after)
        dc = dc + dy * o * (1 - squashed**2)
        parts = (
            dc * g * i * (1 - i),
            dc * c * f * (1 - f),
            dc * i * (1 - g**2),
            dy * squashed * o * (1 - o),
        )
        dz = np.concatenate(parts, 1)
        return dz, dz, 0.0, dc * f
    reset, update, new, recurrent_part = kept
    dnew = dy * (1 - update) * (1 - new**2)
    dupdate = dy * (h - new) * update * (1 - update)
    dreset = dnew * recurrent_part * reset * (1 - reset)
    da = np.concatenate((dreset, dupdate, dnew), 1)
    dr = np.concatenate((dreset, dupdate, dnew * reset), 1)
    return da, dr, dy * update, dc


def run(layer, x):
    """Outputs ``[time, batch, n]`` from a state of zeros, and the trace of the way."""
    h = np.zeros((x.shape[1], layer.n))
    c = np.zeros_like(h)
    outputs, trace = [], []
    for signal in x:
        y, c_after, kept = step(layer, signal, h, c)
        trace.append((signal, h, c, kept))
        h, c = y, c_after
        outputs.append(y)
    return np.stack(outputs), trace


def back(layer, trace, errors, last_h=0.0, last_c=0.0):
    """Gradients (w_ih, w_hh, b_ih, b_hh) and the errors of the inputs, for errors that enter from outside:
    `errors` at the outputs of every step, `last_h` and `last_c` at the last state."""
    gradients = [np.zeros_like(p) for p in (layer.w_ih, layer.w_hh, layer.b_ih, layer.b_hh)]
    to_inputs = np.zeros((len(trace), trace[0][0].shape[0], layer.w_ih.shape[1]))
    dh, dc = np.zeros_like(errors[0]) + last_h, np.zeros_like(errors[0]) + last_c
    for t in reversed(range(len(trace))):
        signal, h, c, kept = trace[t]
        da, dr, direct, dc = step_back(layer, h, c, kept, errors[t] + dh, dc)
        dh = dr @ layer.w_hh + direct
        to_inputs[t] = da @ layer.w_ih
        for into, part in zip(
            gradients, (da.T @ signal, dr.T @ h, da.sum(0), dr.sum(0)), strict=True
        ):
            into += part
    return gradients, to_inputs


def grapes_gradients(layers, x, error_of_outputs, mode):
    """Gradients of every layer of a stack and the errors of `x`; `error_of_outputs` of the last layer's outputs."""
    signals, traces = [x], []
    for layer in layers:
        outputs, trace = run(layer, signals[-1])
        signals.append(outputs)
        traces.append(trace)
    errors = error_of_outputs(signals[-1])
    found = []
    for layer, trace in zip(reversed(layers), reversed(traces), strict=True):
        m = factors(layer, mode) if mode is not None else np.ones(layer.n)
        gradients, errors = back(layer, trace, errors if mode == "local" else errors * m)
        if mode == "local":
            rows = np.tile(m, GATES[layer.kind])
            gradients = [g * (rows[:, None] if g.ndim == 2 else rows) for g in gradients]
        found.insert(0, gradients)
    return found, errors
