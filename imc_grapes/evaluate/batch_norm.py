"""Batch normalisation whose statistics are measured again on drifted devices."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from crossbar.calibration_batches import inputs_of
from crossbar.module_modes import modes_kept
from kernels.errors import InputError


def batch_norms(model: nn.Module) -> list[_BatchNorm]:
    """The batch normalisations that keep running statistics."""
    return [
        module
        for module in model.modules()
        if isinstance(module, _BatchNorm) and module.track_running_stats
    ]


@contextmanager
def recalibrated(model: nn.Module, batches: Sequence[Any]) -> Iterator[None]:
    """Within the block, every mean and variance is that of calibration samples in the model as it computes now.

    The trained scale and shift stay (adaptive batch normalisation: Joshi et al., Nat. Commun. 11, 2473 (2020)).

    Args:
        model: left as it was, afterwards.
        batches: inputs, or tuples that begin with them. Never of the test set.

    Raises:
        InputError: the model has no batch normalisation, there is no batch, or an empty one.
    """
    layers = batch_norms(model)
    if not layers:
        raise InputError(
            "calibration: measures batch normalisation again, and this model has none that keeps statistics"
        )
    if not batches:
        raise InputError("calibration: holds no batch")
    before = [
        (layer, {name: value.clone() for name, value in layer.named_buffers()}, layer.momentum)
        for layer in layers
    ]
    try:
        with modes_kept(model):
            model.eval()
            for layer in layers:
                layer.reset_running_stats()
                layer.momentum = None  # the mean over all batches
                layer.train()
            with torch.no_grad():
                for batch in batches:
                    model(inputs_of(batch, "calibration"))
            for layer in layers:
                layer.eval()
            yield
    finally:
        for layer, values, momentum in before:
            layer.momentum = momentum
            for name, buffer in layer.named_buffers():
                buffer.copy_(values[name])
