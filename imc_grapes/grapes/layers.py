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


def weight_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Every weight layer of `model` by its name, in the order of registration."""
    return {
        name: module
        for name, module in model.named_modules()
        if is_analog(module) or isinstance(module, WEIGHT_LAYERS)
    }


def choose_layers(
    model: nn.Module, layers: Iterable[str] | None, exclude: Iterable[str]
) -> dict[str, nn.Module]:
    """The layers that take part: `layers`, or else all weight layers but the last; less `exclude`.

    Raises:
        InputError: a name is not that of a weight layer, a layer is of a kind that GRAPES does not act on and is not
            excluded, or none is left.
    """
    excluded = set(exclude)
    candidates = weight_layers(model)
    _refuse_unsupported(model, excluded, chosen_by_name=layers is not None)
    chosen = list(candidates)[:-1] if layers is None else list(layers)
    for name in [*chosen, *excluded]:
        if name not in candidates and not _is_module(model, name):
            known = ", ".join(candidates) or "none"
            raise InputError(
                f"'{name}' is not a layer of this model; its weight layers are: {known}"
            )
    for name in chosen:
        if name not in candidates:
            raise InputError(
                f"layer '{name}' is a {type(model.get_submodule(name)).__name__}, which has no weights that GRAPES "
                f"acts on; the weight layers are: {', '.join(candidates)}"
            )
    kept = {name: candidates[name] for name in chosen if name not in excluded}
    if not kept:
        raise InputError(
            "GRAPES has no layer to act on: the last weight layer takes no part unless layers= names it, "
            f"and the weight layers are: {', '.join(candidates) or 'none'}"
        )
    return kept


def _refuse_unsupported(model: nn.Module, excluded: set[str], *, chosen_by_name: bool) -> None:
    if chosen_by_name:
        return
    for name, module in model.named_modules():
        recurrent_container = type(module).__name__ == "AnalogRNN"
        if (isinstance(module, UNSUPPORTED) or recurrent_container) and name not in excluded:
            raise InputError(
                f"layer '{name}' is a {type(module).__name__}, which GRAPES does not act on yet; "
                f"name it in exclude= to train it without"
            )


def _is_module(model: nn.Module, name: str) -> bool:
    return any(name == known for known, _ in model.named_modules())
