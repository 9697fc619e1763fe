"""Training pulses: what a SET pulse, a RESET and a read do to a device; one model per file."""

from typing import Annotated

from pydantic import Field

from device_models.training.base import PulsedDevices, TrainingModel
from device_models.training.exp_step import ExpStep
from device_models.training.linear import Linear
from device_models.training.nandakumar2018 import Nandakumar2018

TrainingModelSpec = Annotated[Nandakumar2018 | ExpStep | Linear, Field(discriminator="model")]
"""A mapping with the key `model` parses into the model of that name."""

__all__ = [
    "ExpStep",
    "Linear",
    "Nandakumar2018",
    "PulsedDevices",
    "TrainingModel",
    "TrainingModelSpec",
]
