"""Read the devices of a trained tile some time after its last update."""

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


def read_by_statistics(
    devices: PairArray,
    time_s: float,
    statistics: InferenceStatistics,
    seed: int,
    compensate: CompensationRead | None,
) -> ReadOut:
    """One read of devices that drift under inference statistics from the end of training on.

    Their conductances are taken for freshly programmed ones; the programming noise is left out, since what
    they hold is known. Devices that are stuck do not drift.

    Args:
        devices: of the tile; left as they are.
        time_s: s since training ended.
        statistics: whose drift, read noise, spread, temperature and faults act on them.
        seed: fixes the drift exponents, the spread and the read noise: the same at every time.
        compensate: scale the outputs by the loss since the end of training of what this reads; None: do not.

    Raises:
        InputError: `statistics` is made for another g_max, or nothing conducts that could be compensated.
    """
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
    g_plus, g_minus = devices.per_weight(now)
    weights = (g_plus - g_minus) * np.float32(devices.weight_per_uS)
    return ReadOut(torch.from_numpy(weights), gain=_gain(devices, reference, now, compensate))


def read_by_law(
    devices: PairArray,
    time_s: float,
    seed: int,
    noise: bool,
    compensate: CompensationRead | None,
) -> ReadOut:
    """What reads find of devices that drift by their model's own law since their last pulse.

    Args:
        devices: of the tile; left as they are.
        time_s: s since the last update.
        seed: fixes the read noise.
        noise: with the read noise of the model, drawn anew for every input vector.
        compensate: as for `read_by_statistics`.

    Raises:
        InputError: the device model has no such law, or nothing conducts that could be compensated.
    """
    read_out = ReadOut(torch.empty(devices.shape))
    if noise:
        read_out.variance = torch.empty(devices.shape)
    devices.read_by_law(time_s, read_out.weights, read_out.variance)
    if compensate is not None:
        reference, now = (devices.one_read(at, seed, noise) for at in (0.0, time_s))
        read_out.gain = _gain(devices, reference, now, compensate)
    return read_out


def _gain(
    devices: PairArray, reference: Array, now: Array, compensate: CompensationRead | None
) -> float:
    if compensate is None:
        return 1.0
    before, after = (
        compensation_read(g_plus, g_minus, compensate)
        for g_plus, g_minus in (devices.per_weight(reference), devices.per_weight(now))
    )
    return drift_compensation_factor(before, after)
