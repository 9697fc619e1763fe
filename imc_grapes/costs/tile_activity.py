"""What a training does to the devices of a model, and how often its layers are used: counted while it runs."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import Tensor, nn

from crossbar.costs import Activity, LayerShape
from crossbar.placement import placed_tiles
from imc_grapes.layers.incoming_weights import is_analog
from imc_grapes.layers.weight_layers import node_layers


def analog_layers(model: nn.Module) -> Iterator[tuple[str, Any]]:
    """Every layer on tiles, with its name."""
    return ((name, module) for name, module in model.named_modules() if is_analog(module))


Counts = dict[str, list[dict[str, int]]]


def tile_counters(model: nn.Module) -> Counts:
    """The counters of every PCM tile of every layer."""
    return {
        name: [placed.tile.counters for placed in placed_tiles(layer)]
        for name, layer in analog_layers(model)
    }


def activity_since(model: nn.Module, before: Counts) -> dict[str, Activity]:
    """What the updates since `before` did to the devices of each layer, per update and weight."""
    return {name: _activity(layer, before[name]) for name, layer in analog_layers(model)}


def _activity(layer: Any, before: list[dict[str, int]]) -> Activity:
    tiles = [placed.tile for placed in placed_tiles(layer)]
    since = [
        {name: count - then[name] for name, count in tile.counters.items()}
        for tile, then in zip(tiles, before, strict=True)
    ]
    conductances = np.concatenate(
        [g.reshape(-1) for tile in tiles for g in (tile.g_plus, tile.g_minus)]
    )
    weights = layer.analog_module.in_size * layer.analog_module.out_size
    return Activity.measured(since, weights, float(conductances.mean()))


class LayerUses:
    """Counts the input vectors of every layer on tiles, by hooks on its forward pass, until `stop`.

    Args:
        model: with layers on tiles.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._sending: set[str] = set()
        self._vectors: dict[str, int] = {}
        self._handles = [
            layer.register_forward_hook(self._counting(name))
            for name, layer in analog_layers(model)
        ]

    def stop(self) -> None:
        """Count no more."""
        for handle in self._handles:
            handle.remove()

    def positions(self, batch: int) -> dict[str, int]:
        """Vectors per sample of a mini-batch."""
        return {name: max(1, vectors // batch) for name, vectors in self._vectors.items()}

    def shapes(self, batch: int, modulated: tuple[str, ...] = ()) -> tuple[LayerShape, ...]:
        """Every layer that was used, with its positions and whether it sends an error on.

        Args:
            batch: samples that have gone through.
            modulated: names of layers that GRAPES acts on, or of modules around them.
        """
        positions = self.positions(batch)
        layers = node_layers(self._model)
        last = {id(part) for part in [*layers.values()][-1].modules()} if layers else set()
        return tuple(
            LayerShape(
                name,
                n_in=layer.analog_module.in_size,
                n_out=layer.analog_module.out_size,
                positions=positions[name],
                modulated=any(name == one or name.startswith(f"{one}.") for one in modulated),
                sends_error=name in self._sending,
                is_last=id(layer) in last,
            )
            for name, layer in analog_layers(self._model)
            if name in positions
        )

    def _counting(self, name: str) -> Any:
        def count(layer: Any, args: Any, output: Tensor) -> None:
            vectors = output.numel() // layer.analog_module.out_size
            self._vectors[name] = self._vectors.get(name, 0) + vectors
            # The inputs depend on something that is trained.
            if args[0].requires_grad:
                self._sending.add(name)

        return count
