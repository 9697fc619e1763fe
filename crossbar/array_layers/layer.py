"""What linear layers and convolutions on arrays share: weights, arrays, ranges, and the product."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor, nn

from crossbar.analog_product import converters, io_parameters
from crossbar.array_layers.array_read import ArrayRead, RowBlockRead
from crossbar.array_layers.blocks import Blocks, scales_of, split_over_arrays
from crossbar.pcm_config import PCMConfig
from kernels.errors import InputError


class ArrayLayer(nn.Module):
    """The part of `ArrayLinear` and `ArrayConv1d/2d/3d` that is the same in all of them.

    A layer is in one of three states. As made: products of its clean weights on ideal devices, or, in training mode, of
    its noisy weights. Read (`set_read`): products of what programmed devices showed. `digital`: torch's own product.
    """

    weight: Tensor
    blocks: Blocks
    """The layer's arrays."""
    config: PCMConfig
    """What they are made of."""
    stream: tuple[Any, ...]
    """Which random numbers are the layer's own; see `crossbar.streams`."""
    read_state: ArrayRead | None
    """What programmed devices showed; None: nothing is programmed."""
    digital: bool
    """Leave the arrays out: the layer computes as torch's."""
    input_range: Tensor | None
    """0-dimensional: the input that drives a row fully; NaN: not calibrated yet. None: not a calibrated one."""
    output_range: Tensor | None
    """`[row blocks, n_out]`: the ADC's range of each array, in units of a pair at full range driven by a full input,
    repeated for its columns; NaN: not calibrated yet. None: not a calibrated one."""

    def _take_over(self, digital: nn.Module, config: PCMConfig, groups: int = 1) -> None:
        """Become a copy of a digital layer."""
        nn.Module.__init__(self)
        self.__dict__.update(copy.deepcopy(digital).__dict__)
        self.config = config
        self.stream = config.streams.next_tile()
        n_out, n_in = self.weight.flatten(1).shape
        self.blocks = split_over_arrays(
            n_out, n_in, config.array.rows, config.array.columns, groups
        )
        self.read_state = None
        self.digital = False
        spec = config.io_spec
        assert spec is not None
        self.converters = converters(io_parameters(spec, 1.0, forward=True))
        to_come = self.weight.new_full((len(self.blocks.row_blocks), n_out), torch.nan)
        self.register_buffer(
            "input_range", to_come[0, 0].clone() if spec.inp_range == "calibrated" else None
        )
        self.register_buffer("output_range", to_come if spec.out_range == "calibrated" else None)

    def set_read(self, read: ArrayRead | None) -> None:
        """Compute with what programmed devices showed from now on; None: with the weights again."""
        self.read_state = read

    def forget(self) -> None:
        """Compute with the weights again, as if nothing had been programmed."""
        self.set_read(None)

    def matrix(self) -> Tensor:
        """The weights as they lie on arrays, `[n_out, n_in]`: a view."""
        return self.weight.flatten(1)

    def scales(self) -> list[Tensor]:
        """The weight that g_max stands for, per row block `[n_out]`; see `scales_of`."""
        return scales_of(self.matrix().detach(), self.blocks, self.config.array.scale)

    def ideal_read(self) -> ArrayRead:
        """What ideal devices show of the weights as they are now."""
        matrix = self.matrix()
        return ArrayRead(
            tuple(
                RowBlockRead(matrix[:, rows] / scale.unsqueeze(1), scale)
                for rows, scale in zip(self.blocks.row_blocks, self.scales(), strict=True)
            )
        )

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        if (moved := fn(torch.zeros(1))).dtype != torch.float32:
            raise InputError(
                "a layer on arrays computes in float32; it cannot be moved to "
                f"{str(moved.dtype).removeprefix('torch.')}"
            )
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if self.read_state is not None:
            self.read_state = self.read_state.map(fn)
        return self


def is_array_layer(module: nn.Module) -> bool:
    """Whether a module is a layer of this kind."""
    return isinstance(module, ArrayLayer)
