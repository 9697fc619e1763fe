"""Layers that hold several weight matrices, taken apart into layers with one each."""

import copy
from collections.abc import Iterable, Mapping

from torch import nn

from imc_grapes.layers.attention import MultiheadAttention
from imc_grapes.layers.obstacles import refuse_obstacles
from imc_grapes.layers.patterns import check_patterns, fits_any
from imc_grapes.recurrent.unrolled import unrolled_layer


def taken_apart(model: nn.Module, *, exclude: Iterable[str] = (), strict: bool = True) -> nn.Module:
    """A copy of a digital model with recurrent layers unrolled and attention's packed projection as linear layers.

    Its outputs are those of the model to float precision, and every weight that takes part in a product lies in a
    linear layer or a convolution.

    Args:
        model: a digital model.
        exclude: patterns of modules or parameters that stay as they are; see `to_crossbar`.
        strict: refuse weights of other kinds of layers that are not excluded.

    Raises:
        InputError: there is such a weight, or a pattern fits nothing.
    """
    excluded = tuple([exclude] if isinstance(exclude, str) else exclude)
    check_patterns(model, excluded)
    impossible = refuse_obstacles(
        model, excluded, strict=strict
    )  # before the copy, which some would break
    copied = copy.deepcopy(model)
    return replaced(
        copied,
        {
            module: apart
            for name, module in copied.named_modules()
            if not fits_any(name, (*excluded, *impossible)) and (apart := layer_apart(name, module))
        },
    )


def layer_apart(name: str, module: nn.Module) -> nn.Module | None:
    """The equal of a layer with several weight matrices, called `name`; None for any other module."""
    if isinstance(module, nn.RNNBase):
        return unrolled_layer(name, module)
    if isinstance(module, nn.MultiheadAttention):
        return MultiheadAttention(module)
    return None


def replaced(model: nn.Module, replacements: Mapping[nn.Module, nn.Module]) -> nn.Module:
    """The model with modules exchanged wherever they stand, also where one stands in several places."""
    if model in replacements:
        return replacements[model]
    for parent in list(model.modules()):
        for name, child in list(parent._modules.items()):
            if child is not None and child in replacements:
                parent._modules[name] = replacements[child]
    for parent in model.modules():
        # Torch's fused path reads the weights of the parts that were replaced.
        if isinstance(parent, nn.TransformerEncoderLayer):
            parent.activation_relu_or_gelu = 0
        if isinstance(parent, nn.TransformerEncoder):
            parent.use_nested_tensor = False
    return model
