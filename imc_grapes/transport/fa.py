"""Feedback alignment: from layer to layer, through a fixed random matrix in place of the transposed weights."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from imc_grapes.transport.base import ErrorTransport, Send, is_linear
from imc_grapes.transport.supported import layers_for


class FeedbackAlignment(ErrorTransport):
    """Attach feedback alignment to a model; the training loop and the optimizer stay as they are.

    Each weight layer sends ``B^T delta`` upstream in place of ``W^T delta``, B being a fixed random array of the shape
    of its weights (Lillicrap et al., Nat. Commun. 7, 13276 (2016)); a convolution sends through a random bank of
    filters. Attach it before `Grapes`, which then follows the rule of its authors for it: ``delta_l = M_l * (B^T
    delta_{l+1}) * f'(a_l)`` with factors that are not clipped from below.

    Args:
        model: any module with fully connected and convolutional layers, digital or analog, on whatever tiles.
        seed: of the feedback weights.

    Raises:
        InputError: see `layers_for`.
    """

    is_direct: ClassVar[bool] = False

    def __init__(self, model: nn.Module, seed: int = 0) -> None:
        super().__init__(layers_for("feedback alignment", model), seed)

    def sender(self, name: str, layer: nn.Module, x: Tensor, output: Tensor) -> Send:
        """The product with a random matrix, or the transposed convolution with random filters."""
        shape = _weight_shape(layer, x, output)
        fan_in = int(torch.Size(shape[1:]).numel())
        feedback = self._weights.of(name, shape, fan_in, like=output)
        if is_linear(layer):
            return lambda error: error @ feedback
        return _TransposedConvolution(layer, x.shape, feedback)


def _weight_shape(layer: Any, x: Tensor, output: Tensor) -> Sequence[int]:
    """Told without the weights: to read those of a parametrized layer is to compute them anew."""
    if is_linear(layer):
        return output.shape[-1], x.shape[-1]
    return layer.out_channels, layer.in_channels // layer.groups, *layer.kernel_size


class _TransposedConvolution:
    """From the error at a convolution's output to that at its input of shape `x_shape`, by the filters `feedback`."""

    def __init__(self, layer: Any, x_shape: torch.Size, feedback: Tensor) -> None:
        self._layer = layer
        self._x_shape = x_shape
        self._feedback = feedback

    def __call__(self, error: Tensor) -> Tensor:
        layer, spatial = self._layer, self._feedback.dim() - 2
        batched = error.dim() == spatial + 2
        errors = error if batched else error.unsqueeze(0)
        shape = self._x_shape if batched else torch.Size((1, *self._x_shape))
        sent: Tensor = torch.ops.aten.convolution_backward(
            errors,
            errors.new_empty(1).expand(shape),
            self._feedback,
            None,
            layer.stride,
            _padding(layer),
            layer.dilation,
            False,
            [0] * spatial,
            layer.groups,
            (True, False, False),
        )[0]
        return sent if batched else sent.squeeze(0)


def _padding(layer: Any) -> Sequence[int]:
    if not isinstance(layer.padding, str):
        return tuple(layer.padding)
    if layer.padding == "valid":
        return [0] * len(layer.kernel_size)
    # 'same' is symmetric for the filters that `supported` lets through.
    sizes = zip(layer.dilation, layer.kernel_size, strict=True)
    return [dilation * (size - 1) // 2 for dilation, size in sizes]
