"""Models of single PCM devices: what was published, and what is built on top of it."""

from device_models.faults import FaultMap, Faults
from device_models.inference.drift import ConductanceDrift
from device_models.inference.programming_noise import ProgrammingNoise
from device_models.inference.projected import ProjectedDrift
from device_models.inference.read_noise import ReadNoise
from device_models.inference.spec import StatisticsSpec, inference_statistics
from device_models.inference.spread import Spread
from device_models.inference.state import ProgrammedState
from device_models.inference.statistics import InferenceStatistics
from device_models.inference.temperature import Temperature, TemperatureStep
from device_models.training import (
    ExpStep,
    Linear,
    Nandakumar2018,
    PulsedDevices,
    TrainingModel,
    TrainingModelSpec,
)

__all__ = [
    "ConductanceDrift",
    "ExpStep",
    "FaultMap",
    "Faults",
    "InferenceStatistics",
    "Linear",
    "Nandakumar2018",
    "ProgrammedState",
    "ProgrammingNoise",
    "ProjectedDrift",
    "PulsedDevices",
    "ReadNoise",
    "Spread",
    "StatisticsSpec",
    "Temperature",
    "TemperatureStep",
    "TrainingModel",
    "TrainingModelSpec",
    "inference_statistics",
]
