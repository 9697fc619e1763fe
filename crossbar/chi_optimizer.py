"""SGD, momentum, NAG, RMSprop and Adam in front of chi; their matrices at a chosen word length."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crossbar.specs import OptimizerSpec
from kernels.bfloat16 import decode, encode

MATRICES: dict[str, tuple[str, ...]] = {
    "sgd": (),
    "momentum": ("momentum",),
    "nag": ("momentum",),
    "rmsprop": ("mean_square",),
    "adam": ("first_moment", "second_moment"),
}
"""What each rule keeps: one matrix of the size of the weights per name."""


class ChiOptimizer:
    """Turns the gradient of one tile into the direction of its update, by the equations of torch.optim.

    Args:
        spec: which rule.
        shape: (n_out, n_in).
        key: stream of the stochastic rounding of 16-bit words.

    Attributes:
        matrices: what is kept from update to update: float32, or uint16 holding bfloat16.
    """

    def __init__(self, spec: OptimizerSpec, shape: tuple[int, int], key: np.uint64) -> None:
        self._spec = spec
        self._key = key
        self._narrow = spec.state_bits == 16
        dtype = np.uint16 if self._narrow else np.float32
        self.matrices: dict[str, NDArray[Any]] = {
            name: np.zeros(shape, dtype) for name in MATRICES[spec.name]
        }

    def direction(self, gradient: Tensor, update: int) -> Tensor:
        """What is multiplied by the learning rate and subtracted from the weights.

        Args:
            gradient: float32 [n_out, n_in]; may be overwritten.
            update: number of this update, from 1 on.

        Returns:
            float32 [n_out, n_in].
        """
        spec = self._spec
        if spec.name == "sgd":
            return gradient
        held = {name: self._load(stored) for name, stored in self.matrices.items()}
        if spec.name in ("momentum", "nag"):
            velocity = held["momentum"].mul_(spec.momentum).add_(gradient)
            nesterov = spec.name == "nag"
            direction = (
                gradient.add_(velocity, alpha=spec.momentum) if nesterov else velocity.clone()
            )
        elif spec.name == "rmsprop":
            square = held["mean_square"].mul_(spec.alpha)
            square.addcmul_(gradient, gradient, value=1.0 - spec.alpha)
            direction = gradient.div_(square.sqrt().add_(spec.eps))
        else:
            decay_1, decay_2 = spec.betas
            first = held["first_moment"].mul_(decay_1).add_(gradient, alpha=1.0 - decay_1)
            second = held["second_moment"].mul_(decay_2)
            second.addcmul_(gradient, gradient, value=1.0 - decay_2)
            root = second.sqrt().div_((1.0 - decay_2**update) ** 0.5).add_(spec.eps)
            direction = first.div(root).div_(1.0 - decay_1**update)
        for index, (name, values) in enumerate(held.items()):
            self._store(name, values, update, index)
        return direction

    def _load(self, stored: NDArray[Any]) -> Tensor:
        if self._narrow:
            return torch.from_numpy(decode(stored.reshape(-1)).reshape(stored.shape))
        return torch.from_numpy(stored)

    def _store(self, name: str, values: Tensor, update: int, index: int) -> None:
        if self._narrow:
            stored = self.matrices[name]
            draw = update * len(self.matrices) + index
            encode(values.numpy().reshape(-1), self._key, draw, stored.reshape(-1))
