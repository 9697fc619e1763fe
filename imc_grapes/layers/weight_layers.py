"""Which layers of a model GRAPES acts on."""

from collections.abc import Iterable
from typing import Any

from torch import nn

from imc_grapes.layers.incoming_weights import (
    hidden_size,
    incoming_weights,
    is_analog,
    is_recurrent,
)
from kernels.errors import InputError

WEIGHT_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
UNSUPPORTED = (
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
    nn.MultiheadAttention,
    nn.Bilinear,
)


def weight_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Every weight layer of `model` by its name, in the order of registration."""
    return {
        name: module
        for name, module in model.named_modules()
        if is_analog(module) or isinstance(module, WEIGHT_LAYERS)
    }


def node_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Every layer that GRAPES can act on: the weight layers, those inside a recurrent layer as one with it."""
    weights = weight_layers(model)
    found: dict[str, nn.Module] = {}
    for name, module in model.named_modules():
        if is_recurrent(module) or name in weights:
            inside = any(
                is_recurrent(layer) and _lies_in(name, {at}) for at, layer in found.items()
            )
            if not inside:
                found[name] = module
    return found


def consumers(model: nn.Module) -> dict[str, nn.Module]:
    """Every module with weights that another layer's error may come through, whether GRAPES can act on it or not."""
    odd = {name: part for name, part in model.named_modules() if isinstance(part, UNSUPPORTED)}
    return {**node_layers(model), **odd}


def choose_layers(
    model: nn.Module, layers: Iterable[str] | None, exclude: Iterable[str]
) -> dict[str, nn.Module]:
    """The layers that take part: `layers`, or else all weight layers but the last one registered; less `exclude`.

    Excluding a module excludes every layer inside it. Which layer is really the last, a forward pass has to show.

    Raises:
        InputError: a name is not that of a weight layer, a layer is of a kind that GRAPES does not act on and is not
            excluded, or none is left.
    """
    excluded = {_first_name(model, name) for name in exclude}
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
        chosen = [_first_name(model, name) for name in layers]
        _refuse_unsupported(
            {name: unsupported[name] for name in chosen if name in unsupported}, excluded
        )
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


def last_layer(model: nn.Module, exclude: Iterable[str]) -> dict[str, nn.Module]:
    """The weight layer registered last, unless it is excluded: it takes no part unless it turns out to be hidden."""
    excluded = {_first_name(model, name) for name in exclude}
    name, layer = list(node_layers(model).items())[-1]
    return {} if _lies_in(name, excluded) else {name: layer}


def refuse_empty(layers: dict[str, nn.Module]) -> None:
    """Refuse layers that have no weights to read.

    Raises:
        InputError: a layer lies on the meta device, or has no nodes.
    """
    for name, layer in layers.items():
        for part in incoming_weights(layer):
            if any(parameter.is_meta for parameter in part.parameters()):
                raise InputError(
                    f"layer '{name}' lies on the meta device, where there are no weights to read; give the model "
                    "memory first (to_empty, then its weights)"
                )
        if _n_nodes(layer) == 0:
            raise InputError(f"layer '{name}' has no nodes: its width is 0; name it in exclude=")


def _n_nodes(layer: Any) -> int:
    if is_recurrent(layer):
        return hidden_size(layer)
    width = getattr(layer, "out_channels", None)
    return int(layer.out_features if width is None else width)


def _first_name(model: nn.Module, name: str) -> str:
    """The name under which a module that has several is listed."""
    every: dict[str, nn.Module] = dict(model.named_modules(remove_duplicate=False))
    if name not in every:
        return name
    return next(first for first, module in every.items() if module is every[name])


def _lies_in(name: str, modules: set[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def _not_a_layer(model: nn.Module, name: str) -> str:
    modules = dict(model.named_modules())
    if name not in modules:
        return f"'{name}' is not a layer of this model"
    return f"'{name}' is a {type(modules[name]).__name__}, which has no weights that GRAPES acts on"


def _unsupported_layers(model: nn.Module) -> dict[str, str]:
    """Name of each layer that GRAPES cannot act on: why."""
    reasons = {name: _why_unsupported(module) for name, module in model.named_modules()}
    return {name: reason for name, reason in reasons.items() if reason}


def _why_unsupported(module: nn.Module) -> str | None:
    kind = type(module).__name__
    if isinstance(module, UNSUPPORTED):
        return f"is a {kind}, which GRAPES does not act on yet"
    if isinstance(module, nn.RNNBase):
        if module.proj_size or module.bidirectional:
            what = "projects its outputs" if module.proj_size else "runs in both directions"
            return f"is a {kind} that {what}, which GRAPES does not act on yet"
        if module.num_layers > 1:
            return (
                f"is a {kind} of {module.num_layers} layers in one, whose errors between the layers cannot be reached; "
                "use a module per layer (imc_grapes.recurrent.unrolled makes them)"
            )
    return None


def _refuse_unsupported(unsupported: dict[str, str], excluded: set[str]) -> None:
    for name, reason in unsupported.items():
        if not _lies_in(name, excluded):
            raise InputError(f"layer '{name}' {reason}; name it in exclude= to train it without")
