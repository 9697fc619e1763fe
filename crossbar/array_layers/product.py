"""One product of a layer on its arrays: DAC, product per row block, ADC per array, digital sums.

Three ways, which differ in speed alone:

- in torch, with gradients, on any device;
- on the CPU without gradients, where all inputs share one range: the fused kernels of `kernels.array_io`, on images
  that are never unfolded, because a row block of an unfolded kernel matrix is a convolution over its own channels;
- on the CPU without gradients, where every input vector has a scale or a noise of its own: array by array on the
  unfolded vectors.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from crossbar.analog_product import analog_product
from crossbar.array_layers.array_read import ArrayRead, RowBlockRead
from crossbar.array_layers.blocks import Blocks
from crossbar.array_layers.converters import Range, along_channels, standard_normals
from kernels.array_io import drive, sense
from kernels.mvm_io import Converters
from kernels.random_streams import stream_key

_ROUNDS = 8
"""Bits of a draw that number the rounds of bound management."""


class Stream(NamedTuple):
    """The random numbers of one product."""

    key: int
    """Of the layer."""
    kind: str
    """What the product is for: one of the training, the evaluation, or a read of devices."""
    draw: int
    """Number of the product."""

    def normals(self, like: Tensor, purpose: str, row_block: int, halving: int = 0) -> Tensor:
        """Standard normals of the shape of a tensor."""
        draw = (self.draw << _ROUNDS) + halving
        return standard_normals(like, self.key, self.kind, purpose, row_block, draw=draw)

    def of(self, purpose: str, *indices: int) -> np.uint64:
        """The key of one purpose."""
        return stream_key(self.key, self.kind, purpose, *indices)


class OnArrays(Protocol):
    """What a product asks of its layer; see `ArrayLayer`."""

    blocks: Blocks
    converters: Converters | None

    def full_input(self) -> Tensor | float:
        """The input that drives a row fully."""
        ...

    def grow_input_range(self, image: Tensor) -> None:
        """Let a calibrated range hold what comes in the training."""
        ...

    def grow_output_range(self, row_block: int, y: Tensor) -> None:
        """The same for the outputs of a row block."""
        ...

    def adc_of(self, row_block: int) -> Range:
        """The ADCs of a row block, per output node."""
        ...

    def image_product(self, image: Tensor, rows: slice, weights: Tensor) -> Tensor:
        """The product of some rows of the matrix with what they carry."""
        ...

    def vectors(self, image: Tensor) -> Tensor:
        """Every input vector, `[count, groups, n_in]`."""
        ...

    def from_vectors(self, y: Tensor, image: Tensor) -> Tensor:
        """`[count, n_out]` as a batch of outputs."""
        ...


def multiplied(layer: OnArrays, image: Tensor, read: ArrayRead, stream: Stream) -> Tensor:
    """`[batch, n_out, ...]`, without the bias.

    Args:
        layer: whose product it is.
        image: its inputs, `[batch, n_in]` or `[batch, channels, ...]`.
        read: what its arrays show.
        stream: of the noise.
    """
    around = None if read.perfect_converters else layer.converters
    if around is None:
        return _merged(layer, image, read, stream)
    with_gradient = torch.is_grad_enabled() and (
        image.requires_grad or any(block.weights.requires_grad for block in read.row_blocks)
    )
    by_vector = around.abs_max or around.inp_noise > 0.0
    if with_gradient or image.device.type != "cpu":
        return _in_torch(layer, image, read, stream, around, by_vector)
    if by_vector:
        return _array_by_array(layer, image, read, stream, around)
    return _fused(layer, image, read, stream, around)


def _behind(block: RowBlockRead) -> Tensor:
    """What a number behind the ADC is multiplied by, `[n_out]`."""
    return block.scale if block.factor is None else block.scale * block.factor


def _merged(layer: OnArrays, image: Tensor, read: ArrayRead, stream: Stream) -> Tensor:
    """Without converters the arrays of a layer are one."""
    everything = slice(0, layer.blocks.n_in)
    behind = [_behind(block).unsqueeze(1) for block in read.row_blocks]
    weights = torch.cat(
        [block.weights * unit for block, unit in zip(read.row_blocks, behind, strict=True)], 1
    )
    y = layer.image_product(image, everything, weights)
    if any(block.variance is not None for block in read.row_blocks):
        variance = torch.cat(
            [
                torch.zeros_like(block.weights)
                if block.variance is None
                else block.variance * unit.square()
                for block, unit in zip(read.row_blocks, behind, strict=True)
            ],
            1,
        )
        with torch.no_grad():
            spread = layer.image_product(image.square(), everything, variance).sqrt_()
            noise = spread.mul_(stream.normals(spread, "read noise", 0))
        y = y + noise
    return y


def _in_torch(
    layer: OnArrays,
    image: Tensor,
    read: ArrayRead,
    stream: Stream,
    around: Converters,
    by_vector: bool,
) -> Tensor:
    layer.grow_input_range(image)
    inputs = layer.vectors(image) if by_vector else image
    dac = Range(around.inp_step, around.inp_bound or torch.inf)
    carried: dict[int, Tensor] = {}  # by the halvings, where all row blocks share one range
    total: Tensor | None = None

    def product(driven: Tensor, rows: slice, weights: Tensor) -> Tensor:
        if by_vector:
            return vector_product(driven, weights)
        return layer.image_product(driven, rows, weights)

    for index, (rows, block) in enumerate(
        zip(layer.blocks.row_blocks, read.row_blocks, strict=True)
    ):
        part = inputs[..., rows] if by_vector else inputs
        if around.abs_max:
            largest = part.detach().abs().amax(-1, keepdim=True)
            full: Tensor | float = torch.where(largest > 0.0, largest, 1.0)
        else:
            full = layer.full_input()
        kept: Tensor | None = None
        pending = [True] * len(layer.blocks.column_blocks)
        for halving in range(around.max_halvings + 1):
            reduction = 2.0**halving
            noise = None
            if around.inp_noise > 0.0:
                noise = around.inp_noise * stream.normals(part, "input noise", index, halving)
            if by_vector or halving not in carried:
                carried[halving] = dac.convert(part * (1.0 / full / reduction), noise)
            driven = carried[halving]
            y = product(driven, rows, block.weights)
            layer.grow_output_range(index, y)
            adc = layer.adc_of(index)
            spread: Tensor | float = around.out_noise
            if block.variance is not None:
                with torch.no_grad():
                    variance = product(driven.square(), rows, block.variance)
                    spread = (variance + around.out_noise**2).sqrt_()
            noisy = block.variance is not None or around.out_noise > 0.0
            noise = spread * stream.normals(y, "output noise", index, halving) if noisy else None
            limits = Range(along_channels(adc.step, y), along_channels(adc.bound, y))
            out, inside = limits.read(y, noise)
            out = out * reduction
            pending, chosen = _chosen(layer, inside, pending, halving == around.max_halvings)
            kept = out if kept is None else torch.where(along_channels(chosen, y), out, kept)
            if not any(pending):
                break
        assert kept is not None
        kept = kept * along_channels(_behind(block), kept)
        if isinstance(full, Tensor) and full.dim():
            per_group = layer.blocks.n_out // full.shape[1]
            kept = kept * full[..., 0].repeat_interleave(per_group, 1)
            if around.inp_noise == 0.0:
                # An array without any input is not driven at all.
                driven_at_all = (part != 0.0).flatten(2).any(2).any(0).repeat_interleave(per_group)
                kept = torch.where(driven_at_all, kept, 0.0)
        else:
            kept = kept * full
        total = kept if total is None else total + kept
    assert total is not None
    return layer.from_vectors(total, image) if by_vector else total


def vector_product(vectors: Tensor, weights: Tensor) -> Tensor:
    """The product of vectors, `[count, groups, rows]`, with weights, `[n_out, rows]`: `[count, n_out]`."""
    groups = vectors.shape[1]
    if groups == 1:
        return vectors[:, 0] @ weights.T
    per_group = weights.view(groups, -1, weights.shape[1])
    return torch.einsum("bgr,gor->bgo", vectors, per_group).flatten(1)


def _chosen(
    layer: OnArrays, inside: Tensor, pending: list[bool], last: bool
) -> tuple[list[bool], Tensor]:
    """Which arrays are still to be repeated, and of which columns this round's outputs are taken."""
    chosen = torch.zeros(layer.blocks.n_out, dtype=torch.bool, device=inside.device)
    still = list(pending)
    for index, columns in enumerate(layer.blocks.column_blocks):
        if pending[index]:
            chosen[columns] = True
            still[index] = not last and not bool(inside[:, columns].all())
    return still, chosen


@cache
def _variance_type() -> torch.dtype:
    """What the CPU multiplies variances fastest in; they are kept in bfloat16 anyway."""
    able = torch.cpu.get_capabilities()
    fast = able.get("avx512_bf16") or able.get("amx_bf16") or able.get("bf16")
    return torch.bfloat16 if fast else torch.float32


def _fused(
    layer: OnArrays, image: Tensor, read: ArrayRead, stream: Stream, around: Converters
) -> Tensor:
    full = float(layer.full_input())
    values = image.detach().contiguous().numpy()
    squared = any(block.variance is not None for block in read.row_blocks)
    bound = around.inp_bound or np.inf
    driven: list[tuple[Tensor, Tensor]] = []
    total: Tensor | None = None
    for index, (rows, block) in enumerate(
        zip(layer.blocks.row_blocks, read.row_blocks, strict=True)
    ):
        adc = layer.adc_of(index)
        limits = (adc.step.numpy(), adc.bound.numpy())
        behind = _behind(block).detach() * full
        pending = [True] * len(layer.blocks.column_blocks)
        kept: Tensor | None = None
        for halving in range(around.max_halvings + 1):
            if len(driven) == halving:
                out, squares = drive(
                    values, 1.0 / full / 2.0**halving, around.inp_step, bound, squared
                )
                bits = np.empty(0, np.uint16) if squares is None else squares
                as_stored = torch.from_numpy(bits).view(torch.bfloat16)
                driven.append((torch.from_numpy(out), as_stored.to(_variance_type())))
            carried, carried_squared = driven[halving]
            y = layer.image_product(carried, rows, block.weights.detach()).contiguous()
            variance = None
            if block.variance is not None:
                own = block.variance.to(_variance_type())
                product = layer.image_product(carried_squared, rows, own).to(torch.bfloat16)
                variance = product.contiguous().view(torch.uint16).numpy()
            clipped = sense(
                y.numpy(),
                variance,
                *limits,
                (behind * 2.0**halving).numpy(),
                around.out_noise,
                stream.of("output noise", index),
                (stream.draw << _ROUNDS) + halving,
                None if total is None or around.max_halvings else total.numpy(),
            )
            if not around.max_halvings:
                break
            inside = torch.from_numpy(clipped == 0).unsqueeze(0)
            pending, chosen = _chosen(layer, inside, pending, halving == around.max_halvings)
            kept = y if kept is None else torch.where(along_channels(chosen, y), y, kept)
            if not any(pending):
                break
        if kept is not None:
            total = kept if total is None else total.add_(kept)
        elif total is None:
            total = y
    assert total is not None
    return total


def _array_by_array(
    layer: OnArrays, image: Tensor, read: ArrayRead, stream: Stream, around: Converters
) -> Tensor:
    vectors = layer.vectors(image.detach())
    full = layer.full_input()
    per_group = layer.blocks.n_out // vectors.shape[1]
    y = vectors.new_zeros(len(vectors), layer.blocks.n_out)
    for number, array in enumerate(layer.blocks):
        block = read.row_blocks[array.row_block]
        adc = layer.adc_of(array.row_block)
        own = around._replace(
            out_step=float(adc.step[array.columns.start]),
            out_bound=_finite(float(adc.bound[array.columns.start])),
        )
        part = vectors[:, array.columns.start // per_group, array.rows]
        variance = block.variance
        out = analog_product(
            (part / full).contiguous(),
            block.weights.detach()[array.columns].T,
            None if variance is None else variance[array.columns].T,
            own,
            (stream.of("input noise", number), stream.of("output noise", number)),
            stream.draw,
        )
        y[:, array.columns] += out * (_behind(block).detach()[array.columns] * full)
    return layer.from_vectors(y, image)


def _finite(bound: float) -> float:
    """The kernels' 0 for no bound."""
    return 0.0 if bound == np.inf else bound
