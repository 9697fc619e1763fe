"""A rule in front of chi, or of the pulses: its state beside one tile, at a chosen word length."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crossbar.specs import OptimizerSpec
from kernels.bfloat16 import decode, encode


class ChiOptimizer:
    """Turns the gradient of one tile into the direction of its update.

    Args:
        spec: which rule.
        shape: (n_out, n_in).
        key: stream of the stochastic rounding of 16-bit words.

    Attributes:
        state: what is kept from update to update: float32, or uint16 holding bfloat16.
    """

    def __init__(self, spec: OptimizerSpec, shape: tuple[int, int], key: np.uint64) -> None:
        self._rule = spec.rule
        self._key = key
        self._narrow = spec.state_bits == 16
        dtype = np.uint16 if self._narrow else np.float32
        self.state: dict[str, NDArray[Any]] = {
            name: np.zeros(one, dtype) for name, one in self._rule.state_shapes(*shape).items()
        }

    def direction(self, gradient: Tensor, update: int) -> Tensor:
        """What is multiplied by the learning rate and subtracted from the weights.

        Args:
            gradient: float32 [n_out, n_in]; may be overwritten.
            update: number of this update, from 1 on.

        Returns:
            float32 [n_out, n_in], to be used before the next call.
        """
        held = {name: self._load(stored) for name, stored in self.state.items()}
        direction = self._rule.direction(gradient, held, update)
        if self._narrow:
            for index, (name, values) in enumerate(held.items()):
                self._store(name, values, update, index)
        return direction

    def _load(self, stored: NDArray[Any]) -> Tensor:
        if self._narrow:
            return torch.from_numpy(decode(stored.reshape(-1)).reshape(stored.shape))
        return torch.from_numpy(stored)

    def _store(self, name: str, values: Tensor, update: int, index: int) -> None:
        stored = self.state[name]
        draw = update * len(self.state) + index
        encode(values.numpy().reshape(-1), self._key, draw, stored.reshape(-1))
