"""What torch.compile asks of hooks that come or go."""

import sys

import torch
from torch import nn


def uncompiled(model: nn.Module) -> nn.Module:
    """The model inside what torch.compile returned, whose layers go by the names that the user gave them."""
    inner = getattr(model, "_orig_mod", model)
    assert isinstance(inner, nn.Module)
    return inner


def trace_anew() -> None:
    """Let every compiled model be traced anew: a trace does not notice hooks that were put on after it."""
    if "torch._dynamo" in sys.modules:
        torch.compiler.reset()
