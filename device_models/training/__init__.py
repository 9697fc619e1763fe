"""Training pulses: what a SET pulse, a RESET and a read do to a device; one model per file."""

from typing import Annotated

from device_models.registry import OneOf
from device_models.training.base import DEVICES, PulsedDevices, TrainingModel
from device_models.training.exp_step import ExpStep
from device_models.training.linear import Linear
from device_models.training.nandakumar2018 import Nandakumar2018

TrainingModelSpec = Annotated[TrainingModel, OneOf(DEVICES)]
"""A mapping with the key `model` parses into the model of that name."""

__all__ = [
    "DEVICES",
    "ExpStep",
    "Linear",
    "Nandakumar2018",
    "PulsedDevices",
    "TrainingModel",
    "TrainingModelSpec",
]
