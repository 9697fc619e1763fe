"""From torch's recurrent modules to equal ones whose weights can be put on tiles."""

import copy
from typing import Any

import torch
from torch import nn

from imc_grapes.recurrent.gru import GRU
from imc_grapes.recurrent.layer import RecurrentLayer
from imc_grapes.recurrent.lstm import LSTM
from imc_grapes.recurrent.rnn import RNN
from imc_grapes.recurrent.stack import RecurrentStack
from kernels.errors import InputError

_KINDS: dict[type[nn.Module], type[RecurrentLayer]] = {nn.RNN: RNN, nn.LSTM: LSTM, nn.GRU: GRU}


def unrolled(model: nn.Module) -> nn.Module:
    """A copy of `model` with `RNN`, `LSTM`, `GRU` of this package in place of torch's, weights and interface kept.

    A module of several layers becomes a `RecurrentStack`, whose layers GRAPES then modulates one by one. Packed
    sequences, and sequences without a batch axis, are taken by torch's modules alone.

    Raises:
        InputError: a module runs in both directions or projects its outputs; the message names it.
    """
    copied = copy.deepcopy(model)
    if type(copied) in _KINDS:
        return unrolled_layer("model", copied)
    for name, module in list(copied.named_modules()):
        if type(module) in _KINDS:
            parent, _, own = name.rpartition(".")
            setattr(copied.get_submodule(parent), own, unrolled_layer(name, module))
    return copied


def unrolled_layer(name: str, module: Any) -> nn.Module:
    """The layer that takes the place of torch's `module`, which is called `name`.

    Raises:
        InputError: it runs in both directions or projects its outputs.
    """
    if module.bidirectional or module.proj_size:
        what = "runs in both directions" if module.bidirectional else "projects its outputs"
        raise InputError(
            f"layer '{name}' is a {type(module).__name__} that {what}; only layers in one direction, without a "
            "projection, can be put on tiles"
        )
    layers = [_layer(module, index) for index in range(module.num_layers)]
    replacement = layers[0] if len(layers) == 1 else RecurrentStack(layers, module.dropout)
    return replacement.train(module.training)


def _layer(module: Any, index: int) -> RecurrentLayer:
    n_in = module.input_size if index == 0 else module.hidden_size
    options = {"bias": module.bias, "batch_first": module.batch_first}
    if isinstance(module, nn.RNN):
        options["nonlinearity"] = module.nonlinearity
    layer = _KINDS[type(module)](n_in, module.hidden_size, **options)
    first = next(module.parameters())
    layer.to(first.device, first.dtype)
    with torch.no_grad():
        for kind in ("ih", "hh"):
            linear = getattr(layer, f"linear_{kind}")
            for name in ("weight", "bias") if module.bias else ("weight",):
                parameter = getattr(module, f"{name}_{kind}_l{index}")
                getattr(linear, name).copy_(parameter).requires_grad_(parameter.requires_grad)
    return layer
