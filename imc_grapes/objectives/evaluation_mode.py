"""Evaluate a network and leave it as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from crossbar.module_modes import modes_kept


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Within it, `model` is in evaluation mode and nothing is recorded for gradients."""
    with modes_kept(model), torch.no_grad():
        model.eval()
        yield
