"""Read trained tiles at a later time, and go back to training as if nothing had happened."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from crossbar.drift_compensation import drift_compensation_factor
from crossbar.pair_array import PairArray
from crossbar.pcm_simulator_tile import ReadOut
from crossbar.pcm_tile import PCMTile
from device_models.inference.programming_noise import ProgrammingNoise
from device_models.inference.state import ProgrammedState
from device_models.inference.statistics import InferenceStatistics
from kernels.errors import InputError

Array = NDArray[np.float32]


class LaterReads:
    """The devices of one tile as they are now, drifting from here on under inference statistics.

    Their conductances are taken for freshly programmed ones; the programming noise is left out, since what
    they hold is known.

    Args:
        devices: of the tile; copied.
        statistics: whose drift, read noise, spread, temperature and faults act on them.
        seed: fixes the drift exponents, the spread and the read noise.

    Raises:
        InputError: `statistics` is made for another g_max.
    """

    def __init__(self, devices: PairArray, statistics: InferenceStatistics, seed: int) -> None:
        g_max_uS = devices.model.g_max_uS
        if statistics.g_max_uS != g_max_uS:
            raise InputError(
                f"statistics.g_max_uS: must be that of the devices, {g_max_uS} µS (got "
                f"{statistics.g_max_uS})"
            )
        self._statistics = statistics.model_copy(
            update={"programming": ProgrammingNoise(scale=0.0)}
        )
        self._seed = seed
        self._weight_per_uS = devices.weight_per_uS
        pairs = np.stack([devices.g_plus, devices.g_minus])
        own_seed = int(devices.key("later", seed))
        # exp_step devices differ in g_max, and some hold more than the nominal one.
        self._state: ProgrammedState = self._statistics.program(
            np.minimum(pairs, np.float32(g_max_uS)), own_seed
        )
        self._reference_uS: Array = self._statistics.read(self._state, 0.0, seed)

    def read(self, time_s: float, compensate_drift: bool) -> ReadOut:
        """What a read finds at a time.

        Args:
            time_s: s since training ended; not earlier than the latest read.
            compensate_drift: scale the outputs by the loss of current since the end of training.

        Raises:
            InputError: time goes backwards.
        """
        g = self._statistics.read(self._state, time_s, self._seed)
        gain = drift_compensation_factor(self._reference_uS, g) if compensate_drift else 1.0
        difference = g[0] - g[1]
        if difference.ndim == 3:
            difference = difference.sum(axis=0)
        return ReadOut(torch.from_numpy(difference * np.float32(self._weight_per_uS)), None, gain)


@contextmanager
def drifted(
    model: nn.Module,
    time_s: float,
    statistics: InferenceStatistics | None = None,
    seed: int = 0,
    compensate_drift: bool = False,
) -> Iterator[None]:
    """Within the block, every PCM tile of a model reads as it would some time after its training ended.

    The training state stays as it is, and training in the block is refused.

    Args:
        model: any module with PCM tiles.
        time_s: s since the last update, 0 or more.
        statistics: drift and read noise of the devices; None for the device model's own drift law since
            the last pulse (with its read noise, if `PCMConfig.read.noise` is on).
        seed: fixes what the statistics draw: the same seed gives the same devices at every time.
        compensate_drift: global drift compensation, one digital factor per tile.

    Raises:
        InputError: the model has no PCM tile, the time is negative, or the devices have no drift law and
            no statistics are given.
    """
    tiles = [tile for tile in model.modules() if isinstance(tile, PCMTile)]
    if not tiles:
        raise InputError(f"{type(model).__name__} has no PCM tile that could drift")
    try:
        for tile in tiles:
            tile.drift_to(time_s, statistics, seed, compensate_drift)
        yield
    finally:
        for tile in tiles:
            tile.drift_to(None)
