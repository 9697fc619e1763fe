"""Where the incoming weights of a layer's nodes lie: in the layer itself, or in parts of it."""

from typing import Any

from torch import Tensor, nn
from torch.nn import Parameter
from torch.nn.utils.parametrize import ParametrizationList

_WITH_CELL = ("AnalogRNNLayer", "AnalogReverseRNNLayer")
_ANALOG_CELLS = (
    "AnalogVanillaRNNCell",
    "AnalogLSTMCell",
    "AnalogLSTMCellCombinedWeight",
    "AnalogGRUCell",
)


def is_analog(module: nn.Module) -> bool:
    """Whether `module` is an analog layer of aihwkit, whatever its tile."""
    return hasattr(module, "analog_module")


def is_unit_layer(module: nn.Module) -> bool:
    """Whether `module` is a layer of units of this package: `SNU`, `sSNU`, `RNN`, `LSTM`, `GRU`."""
    return hasattr(module, "incoming_weights")


def is_recurrent(module: nn.Module) -> bool:
    """Whether `module` runs over time and hands its state back: ours, or a recurrent layer or cell of torch or aihwkit.

    aihwkit's classes are told by their names, so that nobody waits for its import.
    """
    return (
        is_unit_layer(module)
        or _is_torch_recurrent(module)
        or _is_a(module, (*_WITH_CELL, *_ANALOG_CELLS))
    )


def incoming_weights(layer: nn.Module) -> list[nn.Module]:
    """The weight layers that hold the incoming weights of the nodes of `layer`: itself, or those inside it."""
    if is_unit_layer(layer):
        inner: list[nn.Module] = layer.incoming_weights()  # type: ignore[operator]
        return inner
    if not is_recurrent(layer) or _is_torch_recurrent(layer):
        return [layer]
    cell: Any = layer.cell if _is_a(layer, _WITH_CELL) else layer
    return [part for part in cell.children() if is_analog(part) or isinstance(part, nn.Linear)]


def weight_names(part: nn.Module) -> list[str]:
    """The attributes of a digital part that hold its weights: a row per node, or one per gate of a node."""
    if not _is_torch_recurrent(part):
        return ["weight"]
    suffix = "_l0" if isinstance(part, nn.RNNBase) else ""
    return [f"weight_{kind}{suffix}" for kind in ("ih", "hh")]


def parametrization_of(part: nn.Module, name: str) -> ParametrizationList | None:
    """What computes the attribute `name` of a digital part from other parameters; None if it is one itself."""
    lists = part._modules.get("parametrizations")
    found = None if lists is None else lists._modules.get(name)
    return found if isinstance(found, ParametrizationList) else None


def computed(part: nn.Module, *, biases: bool = False) -> str | None:
    """Which of a digital part's weights (and biases) is computed from other parameters: "weight", "bias", or None."""
    weights = weight_names(part)
    names = [*weights, *(name.replace("weight", "bias") for name in weights if biases)]
    for name in names:
        is_own = parametrization_of(part, name) is None and (
            # Only now: reading a parametrized attribute computes it.
            isinstance(getattr(part, name, None), Parameter | None)
        )
        if not is_own:
            return name.partition("_")[0]
    return None


def gates(layer: nn.Module) -> int:
    """How many rows of each part belong to a node: one; 3 for a unit of a GRU, 4 for one of an LSTM."""
    if not is_recurrent(layer):
        return 1
    if _is_torch_recurrent(layer):
        if isinstance(layer, nn.LSTM | nn.LSTMCell):
            return 4
        return 3 if isinstance(layer, nn.GRU | nn.GRUCell) else 1
    part: Any = incoming_weights(layer)[0]
    rows = part.analog_module.out_size if is_analog(part) else part.out_features
    return int(rows) // hidden_size(layer)


def hidden_size(layer: nn.Module) -> int:
    """Units of a recurrent layer."""
    owner: Any = layer.cell if _is_a(layer, _WITH_CELL) else layer
    return int(owner.hidden_size)


def per_node(importance: Tensor, layer: nn.Module) -> Tensor:
    """Importance of each node, ``[n_out]``, from that of each row: the rows of a unit's gates are added."""
    if not is_recurrent(layer):
        return importance
    return importance.view(-1, hidden_size(layer)).sum(0)


def _is_a(module: nn.Module, class_names: tuple[str, ...]) -> bool:
    return any(cls.__name__ in class_names for cls in type(module).__mro__)


def _is_torch_recurrent(module: nn.Module) -> bool:
    return isinstance(module, nn.RNNBase | nn.RNNCellBase)
