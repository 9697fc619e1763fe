"""Modulate the error itself: at a layer's output, or behind the batch normalisation that the output feeds."""

from typing import Any

import torch
from torch import Tensor, nn
from torch._compile import _disable_dynamo
from torch.nn.modules.batchnorm import _BatchNorm

from imc_grapes.grapes.data_flow import DataFlow, Use, no_view
from imc_grapes.grapes.node_axis import along, output_node_axis
from imc_grapes.layers.factor_source import FactorSource

_KEY = "imc_grapes.modulation"
_IN_A_TRACE = "_grapes_modulation"
_IDENTITIES = frozenset(
    {
        "BackwardHookFunctionBackward",
        "_NoViewBackward",
        "AliasBackward0",
        "CloneBackward0",
        "ToCopyBackward0",
        "ViewBackward0",
        "UnsafeViewBackward0",
        "ReshapeAliasBackward0",
    }
)
"""Nodes that hand a tensor on as it is: those of others' backward hooks, casts and, if its shape is kept, views."""


class _Modulated:
    """The modulation of one tensor's gradient, which can be moved to another tensor."""

    def __init__(
        self, output: Tensor, axis: int, factors: Tensor | FactorSource, use: Use | None
    ) -> None:
        self.axis = axis
        self._factors = factors
        self._use = use
        self._shape = output.shape
        self._version = output._version
        self._handle = output.register_hook(self._scale)

    def is_of(self, tensor: Tensor) -> bool:
        """Whether `tensor` is still what the layer put out, and no in-place activation has changed it since."""
        return tensor._version == self._version

    def fits(self, tensor: Tensor) -> bool:
        """Whether `tensor` has the shape of what the layer put out."""
        return tensor.shape == self._shape

    def move_to(self, output: Tensor) -> None:
        self._handle.remove()
        self._handle = output.register_hook(self._scale)

    def _scale(self, error: Tensor) -> Tensor | None:
        if self._use is not None and not self._use.arrived():
            return None
        factors = self._factors if isinstance(self._factors, Tensor) else self._factors()
        return error * along(factors, error, self.axis)


class ErrorModulation:
    """Forward hook of a weight layer: the gradient that reaches its output is multiplied, node by node.

    While `flow` watches the layer, whether that is done is decided when the gradient arrives.
    """

    def __init__(self, factors: FactorSource, flow: DataFlow) -> None:
        self.factors = factors
        self._flow: DataFlow | None = flow

    def __call__(self, layer: nn.Module, args: Any, output: Tensor) -> Tensor | None:
        """Read the factors now, from the weights that the coming update will change."""
        if not output.requires_grad:
            return None
        if self._flow is not None:
            return self._watched(layer, output, self._flow)
        output = no_view(output)
        modulated = _Modulated(output, output_node_axis(layer), self.factors(), None)
        if torch.compiler.is_compiling():
            setattr(output, _IN_A_TRACE, modulated)
        else:
            _leave_mark(output, modulated)
        return output

    def settle(self) -> None:
        """The layer is hidden, and no longer watched."""
        self._flow = None

    @_disable_dynamo
    def _watched(self, layer: nn.Module, output: Tensor, flow: DataFlow) -> Tensor:
        output = no_view(output)
        use = flow.use_of(self.factors.name, output)
        _leave_mark(output, _Modulated(output, output_node_axis(layer), self.factors, use))
        return output


class BatchNormTakesOver:
    """Forward hook of a batch normalisation: it takes over the modulation of what it is fed.

    Batch normalisation, ReLU and pooling act on each channel alone, so the modulation passes through them unchanged;
    but the published code has it behind the normalisation, whose scale and shift then see the modulated error too.
    """

    def __init__(self) -> None:
        self._in_traces = False

    def __call__(self, module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        """Take over what is laid on the input, before the error arrives."""
        if not args or not output.requires_grad:
            return
        if not torch.compiler.is_compiling():
            _take_over(args[0], output)
        elif self._in_traces:
            modulated: _Modulated | None = getattr(args[0], _IN_A_TRACE, None)
            if modulated is not None and modulated.is_of(args[0]):
                _move(modulated, output)
        else:
            _take_over_outside(args[0], output)

    def settle(self) -> None:
        """No layer is watched any more, so that compiled traces hold the whole hand-over."""
        self._in_traces = True


def modulate_after_batch_norm(model: nn.Module) -> tuple[list[BatchNormTakesOver], list[Any]]:
    """Let every batch normalisation of `model` take over; the hooks and their handles."""
    hooks, handles = [], []
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            hooks.append(BatchNormTakesOver())
            handles.append(module.register_forward_hook(hooks[-1]))
    return hooks, handles


def _take_over(x: Tensor, output: Tensor) -> None:
    for modulated in _modulations(x):
        if modulated.fits(x):
            _move(modulated, output)


@_disable_dynamo
def _take_over_outside(x: Tensor, output: Tensor) -> None:
    """While layers are watched, there are marks in the graph and none in a trace."""
    _take_over(x, output)


def _move(modulated: _Modulated, output: Tensor) -> None:
    channels_are_nodes = output.dim() + modulated.axis == 1
    if channels_are_nodes:
        modulated.move_to(output)


def _leave_mark(output: Tensor, modulated: _Modulated) -> None:
    """At the node that `output` comes from: what others wrap around the tensor leaves it there."""
    node: Any = output.grad_fn
    node.metadata.setdefault(_KEY, []).append((output.output_nr, modulated))


def _modulations(tensor: Tensor) -> list[_Modulated]:
    """What is laid on the tensor that `tensor` is, however wrapped; changing it in place makes it another."""
    node: Any = tensor.grad_fn
    index = tensor.output_nr
    while node is not None:
        marks = node.metadata.get(_KEY)
        if marks is not None:
            return [modulated for at, modulated in marks if at == index]
        if node.name() not in _IDENTITIES:
            break
        # A backward hook of a module hands on all of its tensors, in their order.
        below = node.next_functions[index if len(node.next_functions) > index else 0]
        node, index = below
    return []
