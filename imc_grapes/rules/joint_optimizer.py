"""Several optimizers that step as one: of the tiles, and of everything beside them."""

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import torch
from aihwkit.optim.context import AnalogContext
from torch import nn
from torch.optim import Optimizer

from crossbar.optimizer_check import StepsByParts
from crossbar.pcm_tile import PCMTile
from imc_grapes.layers.incoming_weights import is_analog
from kernels.errors import InputError

_FIRST_UPDATES = 20


class JointOptimizer(StepsByParts, Optimizer):
    """An optimizer of torch made of others, whose groups and states it shows as its own.

    Learning-rate schedulers, `state_dict` and the groups work as on any other. A frozen parameter is left alone, and so
    is a tile whose `analog_ctx` does not require a gradient.

    Args:
        model: that is trained.
        parts: with different parameters, and nothing in their states.
        lr: that they were built with.
    """

    def __init__(self, model: nn.Module, parts: list[Optimizer], lr: float) -> None:
        self._parts: list[Optimizer] = []
        super().__init__([group for part in parts for group in part.param_groups], {"lr": lr})
        self._parts = parts
        self._share()
        self._watched = {
            name: [tile for tile in module.modules() if isinstance(tile, PCMTile)]
            for name, module in model.named_modules()
            if is_analog(module)
        }

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Refused: a tile is no parameter like another.

        Raises:
            InputError: always, once the optimizer is built.
        """
        if self._parts:
            raise InputError(
                "add_param_group: an optimizer of a model on tiles has all of its parameters from the start; call "
                "imc_grapes.optimizer again"
            )
        super().add_param_group(param_group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, also those that wait in aihwkit's tiles."""
        super().zero_grad(set_to_none)
        for context in self._contexts():
            if not isinstance(context.analog_tile, PCMTile):
                context.reset()

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update everything once; returns what `closure` does.

        Warns of a layer on our tiles whose devices have got no pulse in the first 20 updates.

        Raises:
            InputError: a group asks for what its tiles would ignore.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for context in self._contexts():
            if not context.requires_grad:
                _forget(context)
        for part in self._parts:
            part.step()
        self._warn_of_idle_layers()
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As in torch."""
        super().load_state_dict(state_dict)
        self._share()

    def _share(self) -> None:
        """Let every part work on the groups and states that are shown."""
        self.state: defaultdict[Any, Any] = defaultdict(dict, self.state)
        groups = iter(self.param_groups)
        for part in self._parts:
            part.state = self.state
            part.param_groups = [next(groups) for _ in part.param_groups]

    def _contexts(self) -> Iterator[AnalogContext]:
        for group in self.param_groups:
            for parameter in group["params"]:
                if isinstance(parameter, AnalogContext):
                    yield parameter

    def _warn_of_idle_layers(self) -> None:
        idle = []
        for name, tiles in list(self._watched.items()):
            counters = [tile.counters for tile in tiles]
            if min((one["updates"] for one in counters), default=0) >= _FIRST_UPDATES:
                del self._watched[name]
                if not any(one["pulses"] for one in counters):
                    idle.append(name)
        if idle:
            warnings.warn(
                f"layers {', '.join(map(repr, idle))}: no SET pulse has reached their devices in {_FIRST_UPDATES} "
                f"updates; the learning rate of {self.param_groups[0]['lr']:g} is too small for the range of their "
                "weights",
                stacklevel=3,
            )


def _forget(context: AnalogContext) -> None:
    """Drop what a backward pass left for the weights of a tile, wherever aihwkit puts it."""
    context.reset()
    # Where it is learned, a weight is what lies on the tile times a digital scale.
    scale = getattr(context.analog_tile, "out_scaling_alpha", None)
    for part in (trained_in_software(context), scale):
        if isinstance(part, nn.Parameter):
            part.grad = None


def trained_in_software(context: AnalogContext) -> nn.Parameter | None:
    """The weights of a tile that only infers, which an optimizer trains as digital ones; None for any other tile."""
    tile: Any = context.analog_tile
    candidates = (getattr(tile, "shared_weights", None), getattr(tile.tile, "weight", None))
    return next((one for one in candidates if isinstance(one, nn.Parameter)), None)
