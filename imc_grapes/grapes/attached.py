"""Which `Grapes` acts on a layer."""

from collections.abc import Iterator

from torch import nn

from imc_grapes.grapes.error_hooks import ErrorModulation
from imc_grapes.grapes.factor_source import FactorSource
from imc_grapes.grapes.input_update_hooks import InputScaling
from imc_grapes.grapes.recurrent_hooks import RecurrentModulation
from imc_grapes.grapes.update_hooks import RowScaling


def modulated_layer(layers: dict[str, nn.Module]) -> str | None:
    """The name of the first of `layers` that a `Grapes` acts on; None if there is none."""
    for name, layer in layers.items():
        if any(source.is_listed for source in sources_at(layer)):
            return name
    return None


def sources_at(layer: nn.Module) -> Iterator[FactorSource]:
    """The sources of factors of the hooks at `layer`: of each `Grapes` that acts on it, or watches it."""
    for hook in layer._forward_hooks.values():
        if isinstance(hook, ErrorModulation | RecurrentModulation | InputScaling):
            yield hook.factors
    for hook in layer._forward_pre_hooks.values():
        owner = getattr(hook, "__self__", None)
        if isinstance(owner, RowScaling):
            yield owner.factors
