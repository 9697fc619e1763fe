"""Modulate the error that enters a recurrent layer or cell from outside, and leave its recurrence alone.

What a layer over time returns, outputs and state, passes through an identity whose gradient is multiplied, unit by
unit. A state that is handed to the layer again is taken from before that identity: the error that comes back through
it belongs to the recurrence and was modulated where it entered, at a later time step.
"""

from typing import Any, NamedTuple

from torch import Tensor, nn
from torch._compile import _disable_dynamo
from torch.autograd import Function

from imc_grapes.grapes.data_flow import DataFlow, Use, map_tensors
from imc_grapes.layers.factor_source import FactorSource
from kernels.errors import InputError

_MARK = "_grapes_inside"
_INPUT_NAMES = ("input", "x", "input_")


class RecurrentModulation:
    """The hooks of one layer.

    While `flow` watches the layer, whether its error is modulated is decided when that arrives.

    Args:
        factors: one per unit, ``[hidden]``.
        flow: that watches the layer.
    """

    def __init__(self, factors: FactorSource, flow: DataFlow) -> None:
        self.factors = factors
        self._flow: DataFlow | None = flow

    def attach(self, layer: nn.Module) -> list[Any]:
        """Modulate what reaches the outputs and the state of `layer`; the handles undo it."""
        return [
            layer.register_forward_pre_hook(self.before, with_kwargs=True),
            layer.register_forward_hook(self),
        ]

    def settle(self) -> None:
        """The layer is hidden, and no longer watched."""
        self._flow = None

    def before(
        self, layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Forward pre-hook: put the layer's own state, where it is handed back, for what had been made of it.

        Raises:
            InputError: the state was computed from an earlier one of this layer, so that the error of the recurrence
                cannot be told from that which enters from outside.
        """
        states = map_tensors(self._own, args[1:])
        named = {
            key: value if key in _INPUT_NAMES else map_tensors(self._own, value)
            for key, value in kwargs.items()
        }
        return (*args[:1], *states), named

    def __call__(self, layer: nn.Module, args: Any, result: Any) -> Any:
        """Forward hook: read the factors, from the weights that the coming update will change."""
        if not _requires_grad(result):
            return None
        if self._flow is not None:
            return self._watched(result, self._flow)
        factors = self.factors()
        return map_tensors(lambda tensor: self._modulated(tensor, factors), result)

    @_disable_dynamo
    def _watched(self, result: Any, flow: DataFlow) -> Any:
        def watched(tensor: Tensor) -> Tensor:
            outside = self._modulated(tensor, None)
            if outside is not tensor:
                outside.grad_fn.use = flow.use_of(self.factors.name, outside)  # type: ignore[union-attr]
            return outside

        return map_tensors(watched, result)

    def _modulated(self, tensor: Tensor, factors: Tensor | None) -> Tensor:
        if not tensor.requires_grad:
            return tensor
        outside: Tensor = _Outside.apply(tensor, factors, self)  # type: ignore[no-untyped-call]
        setattr(outside, _MARK, _Inside(self, tensor, outside._version))
        return outside

    def _own(self, tensor: Tensor) -> Tensor:
        mark: _Inside | None = getattr(tensor, _MARK, None)
        if mark is not None and mark.owner is self and mark.version == tensor._version:
            return mark.tensor
        if tensor.requires_grad and self._comes_from_here(tensor.grad_fn):
            raise InputError(
                f"layer '{self.factors.name}': the state that it is given was computed from one that it returned, "
                "so GRAPES cannot tell the error of the recurrence from that which enters from outside; hand the state "
                "back as it was returned, detach it, or name the layer in exclude="
            )
        return tensor

    def _comes_from_here(self, start: Any) -> bool:
        waiting, seen = [start], set()
        while waiting:
            node = waiting.pop(0)
            if node is None or node in seen:
                continue
            seen.add(node)
            if getattr(node, "modulation", None) is self:
                return True
            waiting += [below for below, _ in node.next_functions]
        return False


class _Inside(NamedTuple):
    """What a returned tensor is inside the layer."""

    owner: RecurrentModulation
    tensor: Tensor
    version: int
    """Of the returned tensor, which is another once it has been changed in place."""


class _Outside(Function):
    """The identity; its gradient is multiplied by one factor per unit, along the last axis.

    Without factors, they are read when the gradient arrives, if it is to be multiplied.
    """

    @staticmethod
    def forward(
        ctx: Any, tensor: Tensor, factors: Tensor | None, modulation: RecurrentModulation
    ) -> Tensor:
        ctx.factors = factors
        ctx.modulation = modulation
        # The same memory, but no view: what may be changed in place without GRAPES may be with it.
        return tensor.detach()

    @staticmethod
    def backward(ctx: Any, *errors: Tensor) -> Any:
        (error,) = errors
        factors = ctx.factors
        if factors is None:
            use: Use = ctx.use
            if not use.arrived():
                return error, None, None
            factors = ctx.modulation.factors()
        return error * factors.to(error.dtype), None, None


def _requires_grad(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.requires_grad
    return isinstance(value, tuple | list) and any(map(_requires_grad, value))
