"""Warn of layers whose hooks never ran although the first update trains them."""

import warnings
import weakref
from collections.abc import Callable
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_pre_hook

_HOW = (
    "hooks run when a layer is called; not for layer.forward(x), nor where its weights are handed to a function, as "
    "in F.linear(x, layer.weight) or by the attention that holds an out_proj"
)


class FirstUpdate:
    """Looks, before each step of an optimizer, for layers that have a gradient and whose hooks never ran.

    Warns once, and stops looking then, or when the hooks of all layers have run. A layer without gradient, being
    frozen or unused in a batch, is looked at again before the next step.

    Args:
        layers: by name.
        what: was to happen to them, as the beginning of a sentence.
        remedy: as the end of one.
        on_step: called before each step, before looking, as long as it returns True.
    """

    def __init__(
        self,
        layers: dict[str, nn.Module],
        what: str,
        remedy: str,
        on_step: Callable[[], bool] | None = None,
    ) -> None:
        self._waiting = dict(layers)
        self._layers = list(layers.values())
        self._what = what
        self._remedy = remedy
        self._on_step = on_step
        _LIVE.add(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        _LIVE.add(self)

    def ran(self, name: str) -> None:
        """A hook of the layer called `name` has done its work."""
        self._waiting.pop(name, None)

    def expect(self, name: str, layer: nn.Module) -> None:
        """Look for one more layer."""
        self._waiting[name] = layer
        self._layers.append(layer)

    def stop(self) -> None:
        """Look no more."""
        self._waiting.clear()
        self._on_step = None
        _LIVE.discard(self)

    def before_step(self, optimizer: Optimizer) -> None:
        """Look, before `optimizer` steps, if it is one of these layers: other models have optimizers of their own."""
        stepped = {id(p) for group in optimizer.param_groups for p in group["params"]}
        if not any(id(p) in stepped for layer in self._layers for p in layer.parameters()):
            return
        if self._on_step is not None and not self._on_step():
            self._on_step = None
        trained = {name: layer for name, layer in self._waiting.items() if _has_gradient(layer)}
        if trained:
            names = [
                name
                for name, layer in trained.items()
                if any(id(p) in stepped for p in layer.parameters())
            ]
            if names:
                self._waiting.clear()
                listed = ", ".join(f"'{name}'" for name in names)
                warnings.warn(f"{self._what} {listed}: {_HOW}; {self._remedy}", stacklevel=4)
        if not self._waiting and self._on_step is None:
            _LIVE.discard(self)


def _has_gradient(layer: nn.Module) -> bool:
    return any(
        (p.grad is not None and bool(p.grad.any()))
        or (hasattr(p, "has_gradient") and p.has_gradient())
        for p in layer.parameters()
    )


_LIVE: "weakref.WeakSet[FirstUpdate]" = weakref.WeakSet()


def _before_step(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
    for one in tuple(_LIVE):
        one.before_step(optimizer)


register_optimizer_step_pre_hook(_before_step)
