"""Devices that hold what they were told, for ever."""

from device_models.inference.drift import ConductanceDrift
from device_models.inference.programming_noise import ProgrammingNoise
from device_models.inference.read_noise import ReadNoise
from device_models.statistics.base import STATISTICS, Parts


@STATISTICS.register("ideal")
def ideal() -> Parts:
    """No noise and no drift."""
    return {
        "programming": ProgrammingNoise(scale=0.0),
        "drift": ConductanceDrift(scale=0.0),
        "read_noise": ReadNoise(scale=0.0),
    }
