"""Weights that several layers share, which have one gradient for all of them."""

from torch import nn

from imc_grapes.layers.incoming_weights import incoming_weights
from kernels.errors import InputError


def refuse_shared(model: nn.Module, layers: dict[str, nn.Module]) -> None:
    """Refuse to scale the gradient of weights that a layer shares with one that is not in `layers`.

    Raises:
        InputError: it names both.
    """
    parts = {id(part) for layer in layers.values() for part in incoming_weights(layer)}
    owners = {
        id(parameter): name
        for name, module in model.named_modules()
        if id(module) not in parts
        for parameter in module.parameters(recurse=False)
    }
    for name, layer in layers.items():
        for part in incoming_weights(layer):
            for parameter in part.parameters(recurse=False):
                if id(parameter) in owners:
                    raise InputError(
                        f"layer '{name}': shares its weights with '{owners[id(parameter)]}', which takes no part, and "
                        "mode 'local' scales the gradient that both add to; use mode 'propagating', let both take "
                        "part, or name the layer in exclude="
                    )
