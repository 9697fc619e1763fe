"""Which layers of a model GRAPES acts on."""

from collections.abc import Iterable

from torch import nn

from kernels.errors import InputError

WEIGHT_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
UNSUPPORTED = (
    nn.RNNBase,
    nn.RNNCellBase,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
    nn.MultiheadAttention,
    nn.Bilinear,
)


def is_analog(module: nn.Module) -> bool:
    """Whether `module` is an analog layer of aihwkit, whatever its tile."""
    return hasattr(module, "analog_module")


def is_unit_layer(module: nn.Module) -> bool:
    """Whether `module` is a layer of units with weight layers inside it: `SNU`, `sSNU`."""
    return hasattr(module, "incoming_weights")


def incoming_weights(layer: nn.Module) -> list[nn.Module]:
    """The weight layers that hold the incoming weights of the nodes of `layer`: itself, or those inside it."""
    if not is_unit_layer(layer):
        return [layer]
    inner: list[nn.Module] = layer.incoming_weights()  # type: ignore[operator]
    return inner


def weight_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Every weight layer of `model` by its name, in the order of registration."""
    return {
        name: module
        for name, module in model.named_modules()
        if is_analog(module) or isinstance(module, WEIGHT_LAYERS)
    }


def node_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Every layer that GRAPES can act on: the weight layers, those inside a layer of units as one with it."""
    units = {name: module for name, module in model.named_modules() if is_unit_layer(module)}
    weights = weight_layers(model)
    return {
        name: module
        for name, module in model.named_modules()
        if name in units or (name in weights and not _lies_in(name, set(units)))
    }


def choose_layers(
    model: nn.Module, layers: Iterable[str] | None, exclude: Iterable[str]
) -> dict[str, nn.Module]:
    """The layers that take part: `layers`, or else all weight layers but the last; less `exclude`.

    Excluding a module excludes every layer inside it.

    Raises:
        InputError: a name is not that of a weight layer, a layer is of a kind that GRAPES does not act on and is not
            excluded, or none is left.
    """
    excluded = set(exclude)
    candidates = node_layers(model)
    unsupported = _unsupported_layers(model)
    known = ", ".join(candidates) or "none"
    for name in excluded:
        if not any(_lies_in(layer, {name}) for layer in (*candidates, *unsupported)):
            raise InputError(
                f"exclude: {_not_a_layer(model, name)}; the weight layers are: {known}"
            )
    if layers is None:
        _refuse_unsupported(unsupported, excluded)
        chosen = list(candidates)[:-1]
    else:
        chosen = list(layers)
    for name in chosen:
        if name not in candidates:
            raise InputError(f"layers: {_not_a_layer(model, name)}; the weight layers are: {known}")
    kept = {name: candidates[name] for name in chosen if not _lies_in(name, excluded)}
    if not kept:
        raise InputError(
            "GRAPES has no layer to act on: the last weight layer takes no part unless layers= names it, "
            f"and the weight layers are: {known}"
        )
    return kept


def _lies_in(name: str, modules: set[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def _not_a_layer(model: nn.Module, name: str) -> str:
    modules = dict(model.named_modules())
    if name not in modules:
        return f"'{name}' is not a layer of this model"
    return f"'{name}' is a {type(modules[name]).__name__}, which has no weights that GRAPES acts on"


def _unsupported_layers(model: nn.Module) -> dict[str, nn.Module]:
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, UNSUPPORTED) or type(module).__name__ == "AnalogRNN"
    }


def _refuse_unsupported(unsupported: dict[str, nn.Module], excluded: set[str]) -> None:
    for name, module in unsupported.items():
        if not _lies_in(name, excluded):
            raise InputError(
                f"layer '{name}' is a {type(module).__name__}, which GRAPES does not act on yet; "
                f"name it in exclude= to train it without"
            )
