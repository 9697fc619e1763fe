"""How many weight updates each layer has seen, so that a readout knows whether it is due again."""

import weakref
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook


class UpdateCount:
    """Counts, per layer, how often an optimizer has stepped on its parameters since the layer was last asked about.

    Several steps without a forward pass in between, as of two optimizers that share a layer, are one update.

    Args:
        layers: by name.
    """

    def __init__(self, layers: dict[str, nn.Module]) -> None:
        self._layers = layers
        self._updates = dict.fromkeys(layers, 0)
        self._stepped: set[str] = set()
        _LIVE.add(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        _LIVE.add(self)

    def of(self, name: str) -> int:
        """Updates of the layer called `name` up to this forward pass."""
        if name in self._stepped:
            self._stepped.remove(name)
            self._updates[name] += 1
        return self._updates[name]

    def note_step(self, optimizer: Optimizer) -> None:
        """The optimizer has stepped."""
        stepped = {id(p) for group in optimizer.param_groups for p in group["params"]}
        for name, layer in self._layers.items():
            if any(id(p) in stepped for p in layer.parameters()):
                self._stepped.add(name)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        return {"updates": dict(self._updates), "stepped": sorted(self._stepped)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self._updates.update(state["updates"])
        self._stepped = set(state["stepped"])


_LIVE: "weakref.WeakSet[UpdateCount]" = weakref.WeakSet()


def _note_step(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
    for count in tuple(_LIVE):
        count.note_step(optimizer)


register_optimizer_step_post_hook(_note_step)
