"""Convolutions on arrays."""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from crossbar.array_layers.layer import ArrayLayer
from crossbar.pcm_config import PCMConfig
from crossbar.unfolding import unfolded

AnyConv = nn.Conv1d | nn.Conv2d | nn.Conv3d
_PRODUCTS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}


class _ArrayConv(ArrayLayer):
    """A convolution whose float weights are trained in the computer and programmed into arrays once.

    Every position of the filter is an input vector of `in_channels / groups * area` numbers (Gokmen, Onen, Haensch,
    Front. Neurosci. 11, 538 (2017)), channel by channel. Groups take arrays of their own, since no weight connects
    them.

    Args:
        digital: torch's layer; its weights are copied.
        config: with ``update: software``.
        name: of the layer, for messages.
    """

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: str | tuple[int, ...]
    groups: int
    in_channels: int
    _reversed_padding_repeated_twice: list[int]

    def __init__(self, digital: AnyConv, config: PCMConfig, name: str = "") -> None:
        self._take_over(digital, config, name, digital.groups)

    def _pads_zeros(self) -> bool:
        return bool(self.padding_mode == "zeros")

    def image(self, x: Tensor) -> Tensor:
        """The inputs as `[batch, in_channels, ...]`, padded where the padding is not zeros."""
        image = x.unsqueeze(0) if x.dim() == len(self.kernel_size) + 1 else x
        if self._pads_zeros():
            return image
        return functional.pad(
            image, self._reversed_padding_repeated_twice, mode=str(self.padding_mode)
        )

    def restored(self, y: Tensor, x: Tensor) -> Tensor:
        """Outputs of `image(x)` in the shape that belongs to `x`."""
        return y.squeeze(0) if x.dim() == len(self.kernel_size) + 1 else y

    def image_product(self, image: Tensor, rows: slice, weights: Tensor) -> Tensor:
        """The convolution with some rows of the unfolded kernels, `weights` `[n_out, rows]`, without the bias.

        Those rows are offsets of a few channels: the others take no part, and offsets outside of the rows are 0.
        """
        area = self.weight[0, 0].numel()
        first, past_last = rows.start // area, -(-rows.stop // area)
        outside = (rows.start - first * area, past_last * area - rows.stop)
        kernels = functional.pad(weights, outside) if any(outside) else weights
        kernels = kernels.reshape(len(weights), past_last - first, *self.kernel_size)
        channels = self.in_channels // self.groups
        if past_last - first < channels:
            groups = image.unflatten(1, (self.groups, channels))
            image = groups[:, :, first:past_last].flatten(1, 2)
        product: Any = _PRODUCTS[len(self.kernel_size)]
        y: Tensor = product(
            image,
            kernels,
            None,
            self.stride,
            self.padding if self._pads_zeros() else 0,
            self.dilation,
            self.groups,
        )
        return y

    def vectors(self, image: Tensor) -> Tensor:
        """Every input vector of the arrays, `[batch * positions, groups, n_in]`."""
        if self._pads_zeros() and any(self._reversed_padding_repeated_twice):
            image = functional.pad(image, self._reversed_padding_repeated_twice)
        vectors = unfolded(image, self.kernel_size, self.stride, self.dilation, self.groups)
        return vectors.flatten(0, len(self.kernel_size))

    def from_vectors(self, y: Tensor, image: Tensor) -> Tensor:
        """`[batch * positions, n_out]` as `[batch, n_out, *positions]`."""
        return y.view(len(image), *self._positions(image), -1).movedim(-1, 1).contiguous()

    def _positions(self, image: Tensor) -> list[int]:
        pads = [0] * len(self.kernel_size)
        if self._pads_zeros():
            both = self._reversed_padding_repeated_twice
            pads = [before + after for before, after in zip(both[::2], both[1::2], strict=True)][
                ::-1
            ]
        return [
            (size + pad - apart * (kernel - 1) - 1) // step + 1
            for size, pad, apart, kernel, step in zip(
                image.shape[2:], pads, self.dilation, self.kernel_size, self.stride, strict=True
            )
        ]


class ArrayConv1d(_ArrayConv, nn.Conv1d):
    """A convolution in one dimension whose weights are programmed into arrays once; arguments as `ArrayConv2d`."""


class ArrayConv2d(_ArrayConv, nn.Conv2d):
    """A convolution in two dimensions whose weights are programmed into arrays once.

    Args:
        digital: torch's layer; its weights are copied.
        config: with ``update: software``.
        name: of the layer, for messages.

    Example:
        >>> import torch
        >>> from crossbar import PCMConfig
        >>> from crossbar.array_layers.conv import ArrayConv2d
        >>> config = PCMConfig(update="software", array={"rows": 256}, io={"noise_management": "none"}, seed=0)
        >>> layer = ArrayConv2d(torch.nn.Conv2d(64, 8, 3, padding=1), config)
        >>> len(layer.blocks), tuple(layer(torch.randn(5, 64, 10, 10)).shape)
        (3, (5, 8, 10, 10))
    """


class ArrayConv3d(_ArrayConv, nn.Conv3d):
    """A convolution in three dimensions whose weights are programmed into arrays once; arguments as `ArrayConv2d`."""
