"""Our statistics as an aihwkit noise model, for any `InferenceRPUConfig`.

aihwkit's own noise models turn weights into conductances anew for every read, which forgets that
both devices of a pair may conduct. This one keeps the programmed devices in the drift parameters
that the tile stores between programming and drifting, so that faults and spread stay with their
devices, and the common mode of a pair is kept.

Random numbers come from torch's generator, so `torch.manual_seed` fixes them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from aihwkit.inference.converter.base import BaseConductanceConverter
from aihwkit.inference.converter.conductance import SinglePairConductanceConverter
from aihwkit.inference.noise.base import BaseNoiseModel
from torch import Tensor

from device_models.faults import FaultMap
from device_models.inference.state import ProgrammedState
from device_models.inference.statistics import InferenceStatistics
from kernels.errors import InputError


@dataclass(frozen=True)
class _ProgrammedSlice:
    """One conductance per weight, as the tile hands it back at the time of a drift.

    Attributes:
        state: the devices.
        conversion: what the converter needs to turn conductances into weights.
        programmed_weights: the weights that the programming gave.
    """

    state: ProgrammedState
    conversion: dict[str, Any]
    programmed_weights: Tensor


class AihwkitNoiseModel(BaseNoiseModel):
    """Programs, drifts and reads with `InferenceStatistics`.

    Every call programs new devices: repeated programming of a tile stands for other chips. The
    drift of aihwkit at one time does not build on that at another, so times may come in any order.

    Args:
        statistics: the device statistics.
        g_converter: weights to conductances and back; by default a single differential pair up to
            the statistics' `g_max_uS`.
    """

    def __init__(
        self,
        statistics: InferenceStatistics,
        g_converter: BaseConductanceConverter | None = None,
    ) -> None:
        """Keep the statistics and the converter."""
        super().__init__(g_converter or SinglePairConductanceConverter(g_max=statistics.g_max_uS))
        self.statistics = statistics
        self.g_max = statistics.g_max_uS

    @torch.no_grad()
    def apply_noise(self, weights: Tensor, t_inference: float) -> Tensor:
        """Weights after programming and, for times above 0, drift and read noise.

        Args:
            weights: any shape.
            t_inference: s since programming.

        Returns:
            Weights of the same shape.
        """
        programmed, slices = self.apply_programming_noise(weights)
        if t_inference <= 0:
            return programmed
        return self.apply_drift_noise(programmed, slices, t_inference)

    @torch.no_grad()
    def apply_programming_noise(self, weights: Tensor) -> tuple[Tensor, list[_ProgrammedSlice]]:
        """Program the weights' conductances.

        Args:
            weights: any shape.

        Returns:
            The weights as programmed, and the devices, to be handed to `apply_drift_noise`.
        """
        targets, conversion = self.g_converter.convert_to_conductances(weights)
        states = [self.statistics.program(_to_numpy(g), _seed()) for g in targets]
        programmed = self.g_converter.convert_back_to_weights(
            [_like(state.g_programmed_uS, weights) for state in states], conversion
        )
        return programmed, [_ProgrammedSlice(state, conversion, programmed) for state in states]

    @torch.no_grad()
    def apply_drift_noise(
        self,
        weights: Tensor,
        drift_noise_parameters: list[_ProgrammedSlice],
        t_inference: float,
    ) -> Tensor:
        """Drift the programmed devices and read them.

        Args:
            weights: the weights that `apply_programming_noise` returned.
            drift_noise_parameters: the devices that it returned.
            t_inference: s since programming.

        Returns:
            Weights of the same shape.

        Raises:
            InputError: the weights are not those of the devices.
        """
        first = drift_noise_parameters[0]
        if not torch.equal(weights.cpu(), first.programmed_weights.cpu()):
            raise InputError(
                "weights: not those that were programmed into these devices; program them first"
            )
        reads = [
            self.statistics.read(part.state.rewound(), float(t_inference), _seed())
            for part in drift_noise_parameters
        ]
        drifted: Tensor = self.g_converter.convert_back_to_weights(
            [_like(g, weights) for g in reads], first.conversion
        )
        return drifted

    @torch.no_grad()
    def apply_programming_noise_to_conductance(self, g_target: Tensor) -> Tensor:
        """Programmed conductances of targets, both in µS and of the same shape."""
        state = self.statistics.program(_to_numpy(g_target), _seed())
        return _like(state.g_programmed_uS, g_target)

    @torch.no_grad()
    def generate_drift_coefficients(self, g_target: Tensor) -> Tensor:
        """Drift exponents of devices programmed to the targets, µS, in their shape."""
        return _like(self.statistics.program(_to_numpy(g_target), _seed()).nu, g_target)

    @torch.no_grad()
    def apply_drift_noise_to_conductance(
        self, g_prog: Tensor, drift_noise_param: Tensor, t_inference: float
    ) -> Tensor:
        """Read conductances t_inference seconds after they were programmed.

        Args:
            g_prog: programmed conductances, µS.
            drift_noise_param: drift exponents, same shape.
            t_inference: s since programming.

        Returns:
            Conductances in µS, same shape, without the spread of g_max, which belongs to devices.
        """
        none_stuck = np.empty(0, np.int64)
        g = _to_numpy(g_prog)
        noise = self.statistics.read_noise.relative(
            g.reshape(-1), np.full(1, self.g_max, np.float32)
        )
        state = ProgrammedState(
            g_programmed_uS=g,
            nu=_to_numpy(drift_noise_param),
            relative_noise=noise.reshape(g.shape),
            g_limit_uS=np.array(self.g_max * self.statistics.headroom, np.float32),
            stuck=FaultMap(none_stuck, none_stuck),
            stream=0,
        )
        return _like(self.statistics.read(state, float(t_inference), _seed()), g_prog)


def _seed() -> int:
    return int(torch.randint(2**62, ()).item())


def _to_numpy(tensor: Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), np.float32)


def _like(array: np.ndarray[Any, np.dtype[np.float32]], tensor: Tensor) -> Tensor:
    return torch.from_numpy(array).to(tensor)


def as_aihwkit(statistics: InferenceStatistics) -> AihwkitNoiseModel:
    """An aihwkit noise model for any `InferenceRPUConfig(noise_model=...)`."""
    return AihwkitNoiseModel(statistics)
