"""Modulate the error itself: at a layer's output, or behind the batch normalisation that the output feeds."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from imc_grapes.grapes.node_axis import along, output_node_axis

FactorSource = Callable[[], Tensor]
_MARK = "_grapes_modulation"


class _Modulated:
    """The factors laid on one tensor's gradient, so that they can be moved to another tensor."""

    def __init__(self, output: Tensor, factors: Tensor, axis: int) -> None:
        self.factors = factors
        self.axis = axis
        self._version = output._version
        self._handle = output.register_hook(self._scale)

    def is_of(self, tensor: Tensor) -> bool:
        """Whether `tensor` is still what the layer put out, and no in-place activation has changed it since."""
        return tensor._version == self._version

    def move_to(self, output: Tensor) -> None:
        self._handle.remove()
        self._handle = output.register_hook(self._scale)

    def _scale(self, error: Tensor) -> Tensor:
        return error * along(self.factors, error, self.axis)


class ErrorModulation:
    """Forward hook of a weight layer: the gradient that reaches its output is multiplied, node by node."""

    def __init__(self, factors: FactorSource) -> None:
        self._factors = factors

    def __call__(self, layer: nn.Module, args: Any, output: Tensor) -> None:
        """Read the factors now, from the weights that the coming update will change."""
        if output.requires_grad:
            modulated = _Modulated(output, self._factors(), output_node_axis(layer))
            setattr(output, _MARK, modulated)


def modulate_after_batch_norm(model: nn.Module) -> list[Any]:
    """Let every batch normalisation of `model` take over the modulation of the tensor that it is fed.

    Batch normalisation, ReLU and pooling act on each channel alone, so the modulation passes through them unchanged;
    but the published code has it behind the normalisation, whose scale and shift then see the modulated error too.
    """
    return [
        module.register_forward_hook(_take_over)
        for module in model.modules()
        if isinstance(module, _BatchNorm)
    ]


def _take_over(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
    modulated: _Modulated | None = getattr(args[0], _MARK, None) if args else None
    if modulated is None or not modulated.is_of(args[0]) or not output.requires_grad:
        return
    channels_are_nodes = output.dim() + modulated.axis == 1
    if channels_are_nodes:
        modulated.move_to(output)
