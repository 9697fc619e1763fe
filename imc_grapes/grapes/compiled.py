"""What torch.compile asks of hooks that come or go."""

import sys

import torch
from torch import nn

from kernels.errors import InputError


def uncompiled(model: nn.Module) -> nn.Module:
    """The model inside what torch.compile returned, whose layers go by the names that the user gave them.

    Raises:
        InputError: it is no module.
    """
    inner = getattr(model, "_orig_mod", model)
    if not isinstance(inner, nn.Module):
        raise InputError(f"model: must be a torch.nn.Module (got {model!r})")
    return inner


def trace_anew() -> None:
    """Let every compiled model be traced anew: a trace does not notice hooks that were put on after it."""
    if "torch._dynamo" in sys.modules:
        torch.compiler.reset()
