"""Weights trained in software, held by programmed devices: what they are worth at a later time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossbar.drift_compensation import (
    Compensation,
    CompensationRead,
    column_compensation_factors,
    compensation_read,
    drift_compensation_factor,
)
from crossbar.mapping import map_weights_to_pairs, pairs_to_weights
from device_models.inference.state import ProgrammedState
from device_models.inference.statistics import InferenceStatistics

Array = NDArray[np.float32]


@dataclass(frozen=True)
class ProgrammedWeights:
    """One array of weights on differential pairs.

    Attributes:
        statistics: of its devices.
        state: the devices, `[2, *shape of the weights]`: G+ first, then G-.
        scale: weight that 1 µS of difference stands for.
        reference_uS: what a first read, right after programming, found: the reference of drift
            compensation.
    """

    statistics: InferenceStatistics
    state: ProgrammedState
    scale: float
    reference_uS: Array

    @classmethod
    def program(
        cls,
        weights: ArrayLike,
        statistics: InferenceStatistics,
        seed: int,
        device_seed: int | None = None,
    ) -> "ProgrammedWeights":
        """Map weights to pairs, the largest magnitude to g_max, and program them.

        Args:
            weights: any shape, finite.
            statistics: of the devices.
            seed: fixes programming noise, drift exponents and the reference read.
            device_seed: fixes faults and spread; `seed` by default.

        Raises:
            InputError: a weight is not finite, or a target lies outside a measured table.
        """
        pairs = map_weights_to_pairs(weights, statistics.g_max_uS)
        state = statistics.program(np.stack([pairs.g_plus, pairs.g_minus]), seed, device_seed)
        return cls(statistics, state, pairs.scale, statistics.read(state, 0.0, seed))

    def read(
        self,
        time_s: float,
        seed: int,
        compensation: Compensation = "none",
        what: CompensationRead = "weights",
    ) -> Array:
        """The weights as the array holds them now.

        Args:
            time_s: s since programming; not earlier than the latest read.
            seed: fixes the read noise.
            compensation: multiply by no factor of drift compensation, by one, or by one per column: the first axis of
                the weights.
            what: what the compensating read sums up.

        Returns:
            float32, shape of the weights.

        Raises:
            InputError: time goes backwards, or global drift compensation finds no current.
        """
        g = self.statistics.read(self.state, time_s, seed)
        if compensation == "none":
            return pairs_to_weights(g[0], g[1], self.scale)
        before, after = (
            compensation_read(g_plus, g_minus, what) for g_plus, g_minus in (self.reference_uS, g)
        )
        if compensation == "global":
            factor = drift_compensation_factor(before, after)
            return pairs_to_weights(g[0], g[1], self.scale * factor)
        factors = column_compensation_factors(before, after).astype(np.float32)
        weights = pairs_to_weights(g[0], g[1], self.scale)
        weights *= factors.reshape(-1, *[1] * (weights.ndim - 1))
        return weights
