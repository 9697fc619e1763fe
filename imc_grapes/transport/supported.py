"""Which models errors can be sent through otherwise than by backpropagation."""

from typing import Any

from torch import nn

from imc_grapes.layers.attached import modulated_layer
from imc_grapes.layers.incoming_weights import is_recurrent
from imc_grapes.layers.weight_layers import UNSUPPORTED, weight_layers
from imc_grapes.transport.base import attached_transport
from kernels.errors import InputError


def layers_for(transport: str, model: nn.Module) -> dict[str, nn.Module]:
    """The weight layers of `model`, if `transport` is defined for all of it.

    Raises:
        InputError: no module; a layer is recurrent, spiking or of another kind without a rule; there are fewer than two
            weight layers; or a transport or a `Grapes` acts on the model already.
    """
    if not isinstance(model, nn.Module):
        raise InputError(f"model: must be a torch.nn.Module (got {model!r})")
    for name, module in model.named_modules():
        if is_recurrent(module) or isinstance(module, UNSUPPORTED):
            raise InputError(
                f"{transport} is not defined for layer '{name}', a {type(module).__name__}: "
                "it sends errors through fully connected and convolutional layers"
            )
        if getattr(module, "padding_mode", "zeros") != "zeros":
            raise InputError(
                f"{transport}: layer '{name}' must pad with zeros (padding_mode is {module.padding_mode!r})"
            )
        if _pads_unevenly(module):
            raise InputError(
                f"{transport}: layer '{name}' pads more on one side than on the other; give it an odd kernel_size, or "
                "a number as padding"
            )
    layers = weight_layers(model)
    if len(layers) < 2:
        raise InputError(
            f"{transport} needs a hidden layer, and the weight layers are: {', '.join(layers) or 'none'}"
        )
    if attached_transport(model) is not None:
        raise InputError(
            f"{transport}: another error transport acts on this model already; call its detach() first"
        )
    found = modulated_layer(layers)
    if found is not None:
        raise InputError(
            f"{transport}: a Grapes acts on layer '{found}' by the rule for backpropagation; attach the error "
            "transport first, Grapes afterwards"
        )
    return layers


def _pads_unevenly(module: Any) -> bool:
    if getattr(module, "padding", None) != "same":
        return False
    sizes = zip(module.dilation, module.kernel_size, strict=True)
    return any(dilation * (size - 1) % 2 for dilation, size in sizes)
