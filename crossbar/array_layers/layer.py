"""What linear layers and convolutions on arrays share: weights, arrays, ranges, and the states that they can be in."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Protocol, Self

import torch
from torch import Tensor, nn

from crossbar.analog_product import converters, io_parameters
from crossbar.array_layers import STATE_OF_ARRAYS
from crossbar.array_layers.array_read import ArrayRead, RowBlockRead
from crossbar.array_layers.blocks import Blocks, scales_of, split_over_arrays
from crossbar.array_layers.converters import Range
from crossbar.array_layers.magnitudes import Magnitudes
from crossbar.array_layers.product import Stream, multiplied
from crossbar.array_layers.training_noise import with_noise
from crossbar.pcm_config import PCMConfig
from kernels.errors import InputError
from kernels.random_streams import stream_key

_TRAINING, _EVALUATION = 1, 2
_HALF = (torch.bfloat16, torch.float16)


class Watch(Protocol):
    """Whoever looks at what goes through a layer while it computes as torch's."""

    def see(self, layer: ArrayLayer, image: Tensor) -> None:
        """Look at the inputs of one product."""
        ...


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
    name: str
    """The layer's, for messages."""
    read_state: ArrayRead | None
    """What programmed devices showed; None: nothing is programmed."""
    digital: bool
    """Leave the arrays out: the layer computes as torch's."""
    watch: Watch | None
    """Who looks on; the layer computes as torch's meanwhile. None: nobody."""
    random_state: Tensor
    """int64 `[3]`: key of the layer's random numbers, products drawn in the training so far, and in the evaluation."""
    input_range: Tensor | None
    """0-dimensional: the input that drives a row fully; NaN: not calibrated yet. None: not a calibrated one."""
    output_range: Tensor | None
    """`[row blocks, n_out]`: the ADC's range of each array, in units of a pair at full range driven by a full input,
    repeated for its columns; NaN: not calibrated yet. None: not a calibrated one."""

    def _take_over(
        self, digital: nn.Module, config: PCMConfig, name: str = "", groups: int = 1
    ) -> None:
        """Become a copy of a digital layer."""
        nn.Module.__init__(self)
        self.__dict__.update(copy.deepcopy(digital).__dict__)
        self.config = config
        self.name = name
        n_out, n_in = self.weight.flatten(1).shape
        self.blocks = split_over_arrays(
            n_out, n_in, config.array.rows, config.array.columns, groups
        )
        self.read_state = None
        self._reads = 0
        self.digital = False
        self.watch = None
        spec = config.io_spec
        assert spec is not None
        self.converters = converters(io_parameters(spec, 1.0, forward=True))
        key = int(stream_key(*config.streams.next_tile())) >> 1
        device = self.weight.device
        self.register_buffer("random_state", torch.tensor([key, 0, 0], device=device))
        to_come = self.weight.new_full((len(self.blocks.row_blocks), n_out), torch.nan)
        self.register_buffer(
            "input_range", to_come[0, 0].clone() if spec.inp_range == "calibrated" else None
        )
        self.register_buffer("output_range", to_come if spec.out_range == "calibrated" else None)

    def set_read(self, read: ArrayRead | None) -> None:
        """Compute with what programmed devices showed from now on; None: with the weights again."""
        device = self.weight.device
        self.read_state = None if read is None else read.map(lambda tensor: tensor.to(device))
        self._reads = 0

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

    def forward(self, x: Tensor) -> Tensor:
        """As torch's layer, through the arrays; under autocast too they compute in float32.

        Raises:
            InputError: the input is not float32, a range is not calibrated, or a layer is trained whose devices are
                programmed.
        """
        if self.digital or x.numel() == 0:
            return self._as_torch(x)
        if torch.is_autocast_enabled(x.device.type):
            # bfloat16 has no more digits than the converters, and the kernels take float32.
            with torch.autocast(x.device.type, enabled=False):
                return self.forward(x.float() if x.dtype in _HALF else x)
        if x.dtype != torch.float32:
            raise InputError(
                f"layer '{self.name}': arrays take float32 (got {str(x.dtype).removeprefix('torch.')})"
            )
        if self.watch is not None:
            with torch.no_grad():
                self.watch.see(self, self.image(x))
            return self._as_torch(x)
        read, stream = self._now()
        if read is None:
            return self._as_torch(x)
        y = multiplied(self, self.image(x), read, stream)
        bias: Tensor | None = getattr(self, "bias", None)
        if bias is not None:
            y = y + bias.view(1, -1, *(1 for _ in y.shape[2:]))
        return self.restored(y, x)

    def _now(self) -> tuple[ArrayRead | None, Stream]:
        """What the arrays show for the product that comes next; None where that is the digital weights themselves."""
        if self.read_state is not None:
            if self.training and torch.is_grad_enabled() and self.weight.requires_grad:
                raise InputError(
                    f"layer '{self.name}' computes with programmed devices, whose weights are trained no more; "
                    "forget() them first"
                )
            # Of the read alone: devices that are evaluated with one seed show one noise, whatever trained the weights.
            self._reads += 1
            return self.read_state, Stream(int(self.read_state.seed), "read", self._reads - 1)
        noise = self.config.update.noise if self.training else None
        if noise is None and self.converters is None:
            return None, Stream(0, "", 0)
        stream = self._next_stream()
        read = self.ideal_read()
        if noise is None:
            return read, stream
        return with_noise(read, noise, self.config, stream), stream

    def _key(self) -> int:
        return int(self.random_state[0])

    def _next_stream(self) -> Stream:
        which = _TRAINING if self.training else _EVALUATION
        draw = int(self.random_state[which])
        self.random_state[which] += 1
        return Stream(self._key(), "training" if self.training else "evaluation", draw)

    def full_input(self) -> Tensor | float:
        """The input that drives a row fully: a number, or a 0-dimensional tensor.

        Raises:
            InputError: it is still to be calibrated.
        """
        if self.input_range is None:
            return 1.0
        self._refuse_uncalibrated("input_range", self.input_range)
        # A copy: autograd keeps it, and the range itself may grow before the backward pass.
        return self.input_range.clone()

    def adc_of(self, row_block: int) -> Range:
        """The ADCs of a row block, in float32 `[n_out]`; a step of 0 for none, a bound of infinity for none.

        Raises:
            InputError: their range is still to be calibrated.
        """
        around = self.converters
        assert around is not None
        if self.output_range is None:
            like = self.weight.detach()
            bound = like.new_full((self.blocks.n_out,), around.out_bound or torch.inf)
            return Range(like.new_full((self.blocks.n_out,), around.out_step), bound)
        bound = self.output_range[row_block]
        self._refuse_uncalibrated("output_range", bound)
        return Range(bound * (around.out_step / around.out_bound), bound)

    @property
    def _ranges_grow(self) -> bool:
        return self.training and self.read_state is None and torch.is_grad_enabled()

    def grow_input_range(self, image: Tensor) -> None:
        """In a forward pass of the training, let a calibrated range hold what comes."""
        if self.input_range is not None and self._ranges_grow:
            self.input_range.copy_(torch.maximum(self.input_range, self._magnitude(image.detach())))

    def grow_output_range(self, row_block: int, y: Tensor) -> None:
        """The same for the outputs of a row block, `[batch, n_out, ...]`, before their ADCs."""
        if self.output_range is None or not self._ranges_grow:
            return
        for columns in self.blocks.column_blocks:
            own = self.output_range[row_block, columns]
            own.copy_(torch.maximum(own, self._magnitude(y.detach()[:, columns])))

    def _magnitude(self, values: Tensor) -> Tensor:
        spec = self.config.io_spec
        assert spec is not None
        seen = Magnitudes(spec.percentile)
        seen.see(values)
        return torch.nan_to_num(seen.value(), nan=0.0, posinf=0.0)

    def _refuse_uncalibrated(self, which: str, values: Tensor) -> None:
        if bool(torch.isnan(values).any()):
            raise InputError(
                f"layer '{self.name}': its {which} is not calibrated; imc_grapes.calibrate(model, batches) does it"
            )

    def _as_torch(self, x: Tensor) -> Tensor:
        y: Tensor = super().forward(x)
        return y

    def image(self, x: Tensor) -> Tensor:
        """The inputs as a batch, padded where the padding is not zeros."""
        raise NotImplementedError

    def restored(self, y: Tensor, x: Tensor) -> Tensor:
        """Outputs of `image(x)` in the shape that belongs to `x`."""
        raise NotImplementedError

    def image_product(self, image: Tensor, rows: slice, weights: Tensor) -> Tensor:
        """The product of some rows of the matrix, `weights` `[n_out, rows]`, without the bias."""
        raise NotImplementedError

    def vectors(self, image: Tensor) -> Tensor:
        """Every input vector of the arrays, `[count, groups, n_in]`."""
        raise NotImplementedError

    def from_vectors(self, y: Tensor, image: Tensor) -> Tensor:
        """`[count, n_out]` as a batch of outputs."""
        raise NotImplementedError

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        if (moved := fn(torch.zeros(1))).dtype != torch.float32:
            raise InputError(
                f"layer '{self.name}' on arrays computes in float32; it cannot be moved to "
                f"{str(moved.dtype).removeprefix('torch.')}"
            )
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if self.read_state is not None:
            self.read_state = self.read_state.map(fn)
        return self

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        """As torch's; what a digital layer's state has not got stays, or becomes uncalibrated, as made."""
        own = {
            name: value for name in STATE_OF_ARRAYS if (value := getattr(self, name)) is not None
        }
        missing = {
            prefix + name: value for name, value in own.items() if prefix + name not in state_dict
        }
        for key, value in missing.items():
            is_range = not key.endswith(STATE_OF_ARRAYS[0])
            state_dict[key] = torch.full_like(value, torch.nan) if is_range else value.clone()
        try:
            super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
        finally:
            for key in missing:
                del state_dict[key]
