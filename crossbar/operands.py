"""Inputs and errors at the word length of the circuits that form their outer product."""

import torch
from torch import Tensor

from crossbar.single_thread import product

_EXACT_IN_FLOAT32 = 1 << 24


def levels_per_side(bits: int) -> int:
    """Steps from 0 to full scale of a signed word, as many on either side: 127 for 8 bits, as in a converter."""
    return (1 << (bits - 1)) - 1


def quantised(vectors: Tensor, bits: int) -> Tensor:
    """Each vector in whole steps of its own largest magnitude.

    Args:
        vectors: float32 [batch, n].
        bits: word length.

    Returns:
        float32 [batch, n].
    """
    levels, scale = _levels(vectors, bits)
    return levels.mul_(scale / levels_per_side(bits)).float()


def outer_product(x: Tensor, d: Tensor, bits: int | None) -> Tensor:
    """The gradient of a mini-batch, `sum_b d_b x_b^T`, as the update circuits form it.

    With `bits`, a vector is stored in whole steps of its own largest magnitude, which is known as it passes. Once the
    mini-batch is complete, so is the largest product `s_b` of the scales of a sample's two vectors; each error is
    multiplied by its sample's share `s_b / max s` and rounded to whole steps again. All products then share one scale
    and are whole numbers, which are added up exactly: 32 bits are enough for 133,000 vectors of 8 bits. Rounding is to
    the nearest, ties to even.

    Args:
        x: inputs, float32 [batch, n_in].
        d: errors, float32 [batch, n_out].
        bits: word length of the operands; None for float32 throughout.

    Returns:
        float32 [n_out, n_in].
    """
    if bits is None:
        return product(d.T, x)
    inputs, input_scale = _levels(x, bits)
    errors, error_scale = _levels(d, bits)
    scale = input_scale * error_scale
    largest = scale.max()
    if largest == 0.0:
        return x.new_zeros(d.shape[1], x.shape[1])
    errors.mul_(scale).div_(largest).round_()
    most = levels_per_side(bits) ** 2
    if len(x) * most <= _EXACT_IN_FLOAT32:
        inputs, errors = inputs.float(), errors.float()
    return product(errors.T, inputs).double().mul_(largest / most).float()


def _levels(vectors: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Whole numbers [batch, n] and the magnitude [batch, 1] that the largest level stands for, float64."""
    values = vectors.double()
    scale = values.abs().amax(dim=1, keepdim=True)
    divisor = torch.where(scale == 0.0, 1.0, scale)
    return values.mul_(levels_per_side(bits)).div_(divisor).round_(), scale
