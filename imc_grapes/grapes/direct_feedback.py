"""GRAPES under direct feedback alignment: the rule of the authors' code.

With weight layers 0 to L, L being the output, and the factors ``P_l = 2 J_l / max J_l`` of a layer's inputs, ``J_l,i =
sum_j |w_l,ji|``:

- the error that hidden layer l in the middle gets is ``(P_{l+1} * (B_l e)) * f'(a_l)``, without ``P_{l+1}`` where the
  next layer is the output;
- its update is scaled per incoming weight: ``dW_l,ji`` gets ``P_l,i`` too;
- the first hidden layer and the output layer get no factor at all.

Which layer is next, and which is first, is that of registration; passes in another order are refused.

Since no error travels from one hidden layer to the next, no factor is ever compounded.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import nn

from imc_grapes.layers.factor_source import FactorSource
from imc_grapes.transport.base import ErrorTransport
from kernels.errors import InputError


class DirectRule(NamedTuple):
    """Which layers take part in which way."""

    updated: list[str]
    """Their update is scaled by the factors of their own inputs."""
    sending: list[str]
    """The error that the layer before them gets is scaled by the factors of their inputs."""
    layers: dict[str, nn.Module]
    """All of these: the layers whose factors are needed."""


def direct_rule(transport: ErrorTransport, chosen: dict[str, nn.Module]) -> DirectRule:
    """The rule for the layers that were chosen to take part.

    Raises:
        InputError: the transport acts on another model, the output layer was chosen, or no layer in the middle was.
    """
    layers = transport.layers
    if any(layers.get(name) is not layer for name, layer in chosen.items()):
        raise InputError(
            "GRAPES under direct feedback alignment: both must be attached to the same model, not one to a part of it"
        )
    names = list(layers)
    if names[-1] in chosen:
        raise InputError(
            f"layers: '{names[-1]}' is the output layer, which no factor reaches under direct feedback alignment"
        )
    updated = [name for name in names[1:-1] if name in chosen]
    if not updated:
        raise InputError(
            "GRAPES under direct feedback alignment: the first hidden layer gets no factor, and no other hidden layer "
            f"takes part; the weight layers are: {', '.join(names)}"
        )
    behind = [names[names.index(name) + 1] for name in updated]
    sending = [name for name in behind if name != names[-1]]
    needed = {*updated, *sending}
    return DirectRule(
        updated, sending, {name: layer for name, layer in layers.items() if name in needed}
    )


def attach_direct(
    transport: Any, rule: DirectRule, source: Callable[[str], FactorSource]
) -> list[Any]:
    """Let the rule act; the handles returned undo it.

    Args:
        transport: `DirectFeedbackAlignment`.
        rule: of `direct_rule`.
        source: for the name of a layer, what gives the factors of its inputs.
    """
    from imc_grapes.grapes.input_update_hooks import modulate_inputs

    handles: list[Any] = [transport.require_order()]
    for name in rule.updated:
        handles += modulate_inputs(name, rule.layers[name], source(name))
    handles += [transport.scale_sent(name, source(name)) for name in rule.sending]
    return handles
