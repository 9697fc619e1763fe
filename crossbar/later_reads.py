"""Read the devices of a trained tile some time after its last update."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from crossbar.drift_compensation import (
    CompensationRead,
    compensation_read,
    drift_compensation_factor,
)
from crossbar.pair_array import PairArray
from crossbar.read_out import ReadOut
from device_models.inference.programming_noise import ProgrammingNoise
from device_models.inference.statistics import InferenceStatistics
from kernels.errors import InputError

Array = NDArray[np.float32]


ArrayShare = tuple[PairArray, float]
"""An array of pairs, and its part in the weights of a tile."""


def read_by_statistics(
    arrays: Sequence[ArrayShare],
    time_s: float,
    statistics: InferenceStatistics,
    seed: int,
    compensate: CompensationRead | None,
) -> ReadOut:
    """One read of devices that drift under inference statistics from the end of training on.

    Their conductances are taken for freshly programmed ones; the programming noise is left out, since what
    they hold is known. Devices that are stuck do not drift.

    Args:
        arrays: of the tile; left as they are.
        time_s: s since training ended.
        statistics: whose drift, read noise, spread, temperature and faults act on them.
        seed: fixes the drift exponents, the spread and the read noise: the same at every time.
        compensate: scale the outputs by the loss since the end of training of what this reads; None: do not.

    Raises:
        InputError: `statistics` is made for another g_max, or nothing conducts that could be compensated.
    """
    reads = [(_statistical_reads(one, time_s, statistics, seed), share) for one, share in arrays]
    reference, now = _joined(reads)
    g_plus, g_minus = now
    weights = (g_plus - g_minus) * np.float32(arrays[0][0].weight_per_uS)
    return ReadOut(torch.from_numpy(weights), gain=_gain(reference, now, compensate))


def _statistical_reads(
    devices: PairArray, time_s: float, statistics: InferenceStatistics, seed: int
) -> tuple[Array, Array]:
    """Conductances `[2, n_out, n_in]` at the end of training and at `time_s`, of all K devices of a polarity."""
    g_max_uS = devices.model.g_max_uS
    if statistics.g_max_uS != g_max_uS:
        raise InputError(
            f"statistics.g_max_uS: must be that of the devices, {g_max_uS} µS (got "
            f"{statistics.g_max_uS})"
        )
    exact = statistics.model_copy(update={"programming": ProgrammingNoise(scale=0.0)})
    held = np.stack([devices.g_plus, devices.g_minus])
    # exp_step devices differ in g_max: some hold more than a target may be, and keep it.
    state = exact.program(np.minimum(held, np.float32(g_max_uS)), int(devices.key("later", seed)))
    extra = np.maximum(held - np.float32(g_max_uS), np.float32(0.0))
    if extra.any():
        limits = np.broadcast_to(state.g_limit_uS, held.shape)
        state = replace(
            state,
            g_programmed_uS=state.g_programmed_uS + extra,
            g_limit_uS=np.maximum(limits, held),
        )
    for nu, stuck in zip(state.nu, devices.stuck, strict=True):
        stuck.hold(nu, 0.0, 0.0)
    reference = exact.read(state, 0.0, seed)
    now = exact.read(state, time_s, seed)
    return devices.per_weight(reference), devices.per_weight(now)


def read_by_law(
    arrays: Sequence[ArrayShare],
    time_s: float,
    seed: int,
    noise: bool,
    compensate: CompensationRead | None,
) -> ReadOut:
    """What reads find of devices that drift by their model's own law since their last pulse.

    Args:
        arrays: of the tile; left as they are.
        time_s: s since the last update.
        seed: fixes the read noise.
        noise: with the read noise of the model, drawn anew for every input vector.
        compensate: as for `read_by_statistics`.

    Raises:
        InputError: the device model has no such law, or nothing conducts that could be compensated.
    """
    shape = arrays[0][0].shape
    read_out = ReadOut(torch.zeros(shape))
    if noise:
        read_out.variance = torch.zeros(shape)
    for devices, share in arrays:
        weights = torch.empty(shape)
        variance = torch.empty(shape) if noise else None
        devices.read_by_law(time_s, weights, variance)
        read_out.weights.add_(weights, alpha=share)
        if read_out.variance is not None and variance is not None:
            read_out.variance.add_(variance, alpha=share**2)
    if compensate is not None:
        reads = [
            (
                (
                    devices.per_weight(devices.one_read(0.0, seed, noise)),
                    devices.per_weight(devices.one_read(time_s, seed, noise)),
                ),
                share,
            )
            for devices, share in arrays
        ]
        read_out.gain = _gain(*_joined(reads), compensate)
    return read_out


def _joined(reads: Sequence[tuple[tuple[Array, Array], float]]) -> tuple[Array, Array]:
    """Conductances of all arrays, each with its share, as the sum of their currents has them: before and now."""
    (before, now), first = reads[0]
    assert first == 1.0
    for (other_before, other_now), share in reads[1:]:
        before = before + np.float32(share) * other_before
        now = now + np.float32(share) * other_now
    return before, now


def _gain(reference: Array, now: Array, compensate: CompensationRead | None) -> float:
    if compensate is None:
        return 1.0
    before, after = (
        compensation_read(g_plus, g_minus, compensate) for g_plus, g_minus in (reference, now)
    )
    return drift_compensation_factor(before, after)
