"""Which rule each parameter of a model follows, for rules that treat its output layers differently."""

from typing import Any

from torch import nn

from crossbar.pcm_tile import PCMTile
from crossbar.rules import Rule
from imc_grapes.grapes.data_flow import DataFlow, Watch
from imc_grapes.layers.weight_layers import consumers, node_layers
from kernels.errors import InputError, did_you_mean


class RulesByLayer:
    """What a rule makes of every layer of a model.

    Args:
        model: any model.
        rule: that is chosen for all of it.

    Raises:
        InputError: the rule names a layer that the model does not have.
    """

    def __init__(self, model: nn.Module, rule: Rule) -> None:
        self._elsewhere = rule.of_layer(None, is_last=False)
        self._of_parameter: dict[int, Rule] = {}
        self._of_tile: dict[int, Rule] = {}
        layers = node_layers(model)
        self.chosen: set[str] = set()
        """Names of the layers that follow the rule itself."""
        for index, (name, layer) in enumerate(layers.items(), start=1):
            own = rule.of_layer(name, is_last=index == len(layers))
            if own == rule:
                self.chosen.add(name)
            for parameter in layer.parameters():
                # One that several layers share follows the rule itself if any of them does.
                if own == rule or id(parameter) not in self._of_parameter:
                    self._of_parameter[id(parameter)] = own
            for module in layer.modules():
                if isinstance(module, PCMTile):
                    self._of_tile[id(module)] = own
        self.differ = self._elsewhere != rule
        """Whether the rule is not the same everywhere."""
        _refuse_unknown(rule.named_layers, layers)

    def of_parameter(self, parameter: Any) -> Rule:
        """The rule of a digital parameter, or of the context of a tile."""
        return self._of_parameter.get(id(parameter), self._elsewhere)

    def of_tile(self, tile: PCMTile) -> Rule:
        """The rule that a tile carries out."""
        return self._of_tile.get(id(tile), self._elsewhere)


class OutputLayersCheck:
    """Follows the first passes through a model, to see that the layers taken for its output layers are these.

    Args:
        model: that is trained.
        taken: names of those layers.
    """

    def __init__(self, model: nn.Module, taken: set[str]) -> None:
        layers = node_layers(model)
        self._taken = taken
        self._flow = DataFlow(
            model,
            layers,
            consumers(model),
            decides=True,
            on_hidden=_nothing,
            on_arrival=_nothing,
        )
        self._handles = [
            layer.register_forward_hook(Watch(self._flow, name)) for name, layer in layers.items()
        ]

    def settle(self) -> None:
        """Before the first step, whose error has arrived.

        Raises:
            InputError: the output layers are others.
        """
        found = self._flow.ended - self._flow.consumed
        self._flow.detach()
        for handle in self._handles:
            handle.remove()
        if found and found != self._taken:
            raise InputError(
                f"output_layers: the first pass shows that they are {_listed(found)} (taken: "
                f"{_listed(self._taken)}, which the model has last); give them as "
                f"output_layers={sorted(found)!r}"
            )


def _refuse_unknown(named: tuple[str, ...], layers: dict[str, nn.Module]) -> None:
    for name in named:
        if name not in layers:
            raise InputError(
                f"output_layers: '{name}' is no weight layer of this model{did_you_mean(name, layers)}; they are: "
                f"{', '.join(layers)}"
            )


def _listed(names: set[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))


def _nothing(name: str) -> None:
    """The flow is asked in the end."""
