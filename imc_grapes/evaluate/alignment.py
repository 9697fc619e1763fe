"""How far two updates of the same weights point in different directions."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Alignment:
    """The angle between two updates, in degrees; None where one of them is zero.

    Attributes:
        whole_deg: of all weights as one vector.
        layers_deg: of each layer's weights, by its name.
    """

    whole_deg: float | None
    layers_deg: dict[str, float | None]


def weight_gradients(
    model: nn.Module, loss: Callable[[nn.Module], Tensor]
) -> dict[str, list[Tensor]]:
    """The gradients of the weight matrices and filters that a backward pass leaves, by layer.

    Whatever is attached to the model (`Grapes`, an error transport) acts on them: they are what an optimizer would
    get. Biases and other vectors are left out. The gradients in the model are lost.

    Args:
        model: of digital layers: weights on tiles have no gradient.
        loss: from the model to a scalar.
    """
    model.zero_grad()
    loss(model).backward()
    gradients: dict[str, list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        if parameter.dim() >= 2 and parameter.grad is not None:
            gradients.setdefault(name.rpartition(".")[0], []).append(
                parameter.grad.detach().clone()
            )
    model.zero_grad()
    return gradients


def alignment(one: dict[str, list[Tensor]], other: dict[str, list[Tensor]]) -> Alignment:
    """The angle between two updates of the same layers, as `weight_gradients` gives them.

    Raises:
        ValueError: the layers are not the same.
    """
    if one.keys() != other.keys():
        raise ValueError(f"updates of different layers: {sorted(one)} and {sorted(other)}")
    return Alignment(
        angle_deg(_joined(one.values()), _joined(other.values())),
        {name: angle_deg(_joined([one[name]]), _joined([other[name]])) for name in one},
    )


def angle_deg(one: Tensor, other: Tensor) -> float | None:
    """The angle between two vectors, 0 to 180 degrees; None if one is zero.

    From the lengths of the sum and the difference of the unit vectors (Kahan), which is exact for small angles where
    the cosine is not.
    """
    a, b = one.double().flatten(), other.double().flatten()
    lengths = float(a.norm()), float(b.norm())
    if 0.0 in lengths:
        return None
    a, b = a / lengths[0], b / lengths[1]
    return math.degrees(2.0 * math.atan2(float((a - b).norm()), float((a + b).norm())))


def _joined(layers: Iterable[list[Tensor]]) -> Tensor:
    parts = [part.double().flatten() for layer in layers for part in layer]
    return torch.cat(parts)
