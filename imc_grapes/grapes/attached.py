"""Whether a `Grapes` acts on a layer."""

from torch import nn

from imc_grapes.grapes.error_hooks import ErrorModulation
from imc_grapes.grapes.input_update_hooks import InputScaling
from imc_grapes.grapes.recurrent_hooks import RecurrentModulation
from imc_grapes.grapes.update_hooks import modulates_update


def modulated_layer(layers: dict[str, nn.Module]) -> str | None:
    """The name of the first of `layers` that a `Grapes` acts on; None if there is none."""
    kinds = (ErrorModulation, RecurrentModulation, InputScaling)
    for name, layer in layers.items():
        hooks = layer._forward_hooks.values()
        if modulates_update(layer) or any(isinstance(hook, kinds) for hook in hooks):
            return name
    return None
