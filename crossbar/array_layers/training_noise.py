"""Noise on the weights in the training, drawn anew in every forward pass, and the bound on weights that goes with it.

V. Joshi et al., Nat. Commun. 11, 2473 (2020): the forward and the backward pass take the noisy weights, the gradient is
applied to the clean ones.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from crossbar.array_layers import is_array_layer
from crossbar.array_layers.array_read import ArrayRead, RowBlockRead
from crossbar.array_layers.product import Stream
from crossbar.pcm_config import PCMConfig
from crossbar.specs import GaussianNoiseSpec, ProgrammingNoiseSpec
from device_models.faults import Faults
from device_models.inference.statistics import InferenceStatistics

_TARGETS = 65
_DRAWS = 8192


def with_noise(
    read: ArrayRead,
    noise: GaussianNoiseSpec | ProgrammingNoiseSpec,
    config: PCMConfig,
    stream: Stream,
) -> ArrayRead:
    """The arrays with noise on their weights; gradients reach the clean ones as if there were none.

    Args:
        read: of the clean weights, in units of the scale: the largest one of an array, or of a column, is 1.
        noise: which.
        config: of the layer.
        stream: of the random numbers.
    """
    noisy = []
    for index, block in enumerate(read.row_blocks):
        z = stream.normals(block.weights, "weight noise", index)
        if isinstance(noise, GaussianNoiseSpec):
            error = noise.scale * z
        else:
            error = noise.scale * _as_programmed(block, z, config)
        noisy.append(replace(block, weights=block.weights + error))
    return replace(read, row_blocks=tuple(noisy))


def _as_programmed(block: RowBlockRead, z: Tensor, config: PCMConfig) -> Tensor:
    """The error of a pair whose one device is programmed to the weight, the other to 0."""
    weights = block.weights.detach()
    errors = programming_errors(config.statistics)
    mean = torch.from_numpy(errors.mean).to(weights.device)
    variance = torch.from_numpy(errors.variance).to(weights.device)
    at = weights.abs().clamp(max=1.0) * (_TARGETS - 1)
    low = at.floor().clamp(max=_TARGETS - 2)
    share, low = at - low, low.long()
    between = [(1.0 - share) * table[low] + share * table[low + 1] for table in (mean, variance)]
    spread = ((between[1] + variance[0]) / config.array.devices_per_polarity).sqrt()
    error: Tensor = weights.sign() * (between[0] - mean[0]) + spread * z
    return error


class ProgrammingErrors(NamedTuple):
    """Mean and variance of the error of programming at equal distances of targets from 0 to g_max.

    In units of g_max, and g_max squared: float32 each.
    """

    mean: np.ndarray[tuple[int], np.dtype[np.float32]]
    variance: np.ndarray[tuple[int], np.dtype[np.float32]]


@cache
def programming_errors(statistics: InferenceStatistics) -> ProgrammingErrors:
    """Measured on many devices, so that any law has them, with its bounds and with the spread between devices.

    Args:
        statistics: of the devices; stuck ones are left out.
    """
    sound = statistics.model_copy(update={"faults": Faults()})
    targets = np.linspace(0.0, statistics.g_max_uS, _TARGETS, dtype=np.float32)
    programmed = sound.program(np.repeat(targets, _DRAWS), seed=0).g_programmed_uS
    errors = (programmed.reshape(_TARGETS, _DRAWS) - targets[:, None]) / statistics.g_max_uS
    return ProgrammingErrors(
        errors.mean(1, dtype=np.float64).astype(np.float32),
        errors.var(1, dtype=np.float64).astype(np.float32),
    )


@torch.no_grad()
def clip_weights(model: nn.Module) -> None:
    """Bound the weights of every layer on arrays whose `update.clip` says so; call it after every update.

    Frozen weights stay as they are, and so do those of a layer that are all equal: no spread bounds them.

    Args:
        model: any model.

    Example:
        >>> import torch
        >>> from crossbar.array_layers.training_noise import clip_weights
        >>> from imc_grapes import PCMConfig, to_crossbar
        >>> config = PCMConfig(update={"kind": "software", "clip": {"sigmas": 2.0}})
        >>> model = to_crossbar(torch.nn.Linear(100, 10), config)
        >>> _ = torch.nn.init.constant_(model.weight[:1, :1], 5.0)
        >>> clip_weights(model)
        >>> float(model.weight.detach().max()) < 1.0
        True
    """
    layers: list[Any] = [module for module in model.modules() if is_array_layer(module)]
    for layer in layers:
        clip, weight = layer.config.update.clip, layer.weight
        if clip is not None and weight.requires_grad:
            limit = clip.sigmas * weight.std(correction=0)
            limit = torch.where(limit > 0.0, limit, torch.inf)
            weight.clamp_(-limit, limit)
