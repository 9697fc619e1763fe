"""The weights that a pass used, of layers whose weights are computed from other parameters.

The attribute of a parametrized layer computes the weights anew each time it is read: a random parametrization draws
again, a spectral norm takes a step of its power iteration. So what a pass computed is kept as it goes by.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch._compile import _disable_dynamo
from torch.nn.utils.parametrize import ParametrizationList

from imc_grapes.layers.incoming_weights import parametrization_of, weight_names

Reduction = Callable[[Tensor], Tensor]


class UsedWeights:
    """Forward hook of a parametrization: keeps what the last pass with gradients made of its parameters.

    Once a vector has been made of them, that is kept in place of the matrix.
    """

    def __init__(self) -> None:
        self._weights: Tensor | None = None
        self._reduced: Tensor | None = None
        self._made_from: tuple[Any, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        return {"_weights": None, "_reduced": None, "_made_from": ()}

    @_disable_dynamo
    def __call__(self, parametrization: nn.Module, args: Any, weights: Tensor) -> None:
        """Keep what was computed."""
        if torch.is_grad_enabled():
            self._weights, self._reduced = weights.detach(), None
            self._made_from = _state_of(parametrization)

    def reduced(self, parametrization: nn.Module, reduction: Reduction) -> Tensor | None:
        """`reduction` of the weights; None if no pass used the parameters as they are now."""
        if self._made_from != _state_of(parametrization):
            self._weights = self._reduced = None
        if self._reduced is None and self._weights is not None:
            self._reduced, self._weights = reduction(self._weights), None
        return self._reduced


def keep_used_weights(part: nn.Module) -> list[Any]:
    """Keep what passes through `part`, which is digital, use; the handles returned end it."""
    lists = [parametrization_of(part, name) for name in weight_names(part)]
    return [one.register_forward_hook(UsedWeights()) for one in lists if one is not None]


def reduced_weights(part: nn.Module, name: str, reduction: Reduction) -> Tensor:
    """`reduction` of the weights that the last pass used, or of those of now if they have changed since.

    Args:
        part: a digital layer.
        name: of the attribute that holds the weights.
        reduction: from the weights to a vector; always the same for a layer.
    """
    parametrization = parametrization_of(part, name)
    if parametrization is None:
        weights: Tensor = getattr(part, name)
        return reduction(weights.detach())
    for hook in parametrization._forward_hooks.values():
        if isinstance(hook, UsedWeights):
            found = hook.reduced(parametrization, reduction)
            if found is not None:
                return found
    return reduction(_computed_aside(parametrization))


def _state_of(parametrization: nn.Module) -> tuple[Any, ...]:
    return tuple((p.data_ptr(), p._version) for p in parametrization.parameters())


def _computed_aside(parametrization: ParametrizationList) -> Tensor:
    """The weights, leaving random streams, buffers and hooks as they are."""
    modes = {module: module.training for module in parametrization.modules()}
    cuda = {p.device.index for p in parametrization.parameters() if p.is_cuda}
    try:
        parametrization.eval()
        with torch.no_grad(), torch.random.fork_rng(devices=cuda):
            return parametrization.forward()
    finally:
        for module, is_training in modes.items():
            module.training = is_training
