"""He-uniform initial weights, as in the GRAPES paper's code."""

import math

import torch
from torch import nn


def he_uniform_(model: nn.Module, generator: torch.Generator) -> None:
    """Draw every weight from ``U(-l, l)``, ``l = sqrt(6 / n_in)``, in place; biases become zero.

    `n_in` counts the incoming weights of one node (of one filter: channels times area).
    """
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            limit = math.sqrt(6.0 / module.weight[0].numel())
            nn.init.uniform_(module.weight, -limit, limit, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
