"""Which `Grapes` acts on a layer."""

from collections.abc import Iterator

from torch import nn

from imc_grapes.layers.factor_source import FactorSource


def modulated_layer(layers: dict[str, nn.Module]) -> str | None:
    """The name of the first of `layers` that a `Grapes` acts on; None if there is none."""
    for name, layer in layers.items():
        if any(source.is_listed for source in sources_at(layer)):
            return name
    return None


def sources_at(layer: nn.Module) -> Iterator[FactorSource]:
    """The sources of factors of the hooks at `layer`: of each `Grapes` that acts on it, or watches it."""
    # A hook, or the object whose method one is.
    hooks = [*layer._forward_hooks.values(), *layer._forward_pre_hooks.values()]
    for hook in hooks:
        source = getattr(getattr(hook, "__self__", hook), "factors", None)
        if isinstance(source, FactorSource):
            yield source
