"""Bytes of update state: counted from the live tensors, and by the closed form."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from imc_grapes.training.optimizers import STATE_PER_WEIGHT


def measured_bytes(optimizer: torch.optim.Optimizer) -> int:
    """Bytes of every tensor that `optimizer` keeps from one update to the next; call it after a step."""
    return sum(t.numel() * t.element_size() for t in _tensors(dict(optimizer.state)))


def closed_form_bytes(model: nn.Module, optimizer_name: str) -> int:
    """Bytes that the textbook asks for: 0, N, N, N or 2N numbers of the weights' own size.

    torch's Adam also keeps a 4-byte step counter per parameter tensor, which the closed form leaves out.
    """
    per_weight = STATE_PER_WEIGHT[optimizer_name]
    return per_weight * sum(p.numel() * p.element_size() for p in _trained_by_torch(model))


def _trained_by_torch(model: nn.Module) -> Iterator[Tensor]:
    """Parameters that a torch optimizer updates: not the devices that a tile updates by itself, nor its counters."""
    counters = {id(getattr(module, "input_range_update_idx", None)) for module in model.modules()}
    for parameter in model.parameters():
        is_tile = hasattr(parameter, "analog_tile")
        if parameter.requires_grad and not is_tile and id(parameter) not in counters:
            yield parameter


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _tensors(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _tensors(inner)
