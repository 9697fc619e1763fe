"""A whole run: one network, trained once on one kind of hardware, then evaluated."""

from typing import Any, cast

from pydantic import Field

from imc_grapes.config.schema.data import AnyData
from imc_grapes.config.schema.evaluation import EvaluationConfig
from imc_grapes.config.schema.hardware import DigitalHardware, HardwareConfig
from imc_grapes.config.schema.network import AnyNetwork
from imc_grapes.config.schema.section import Section
from imc_grapes.config.schema.training import TrainingConfig


class RunConfig(Section):
    """The whole config of `imc-grapes run`."""

    name: str = Field(min_length=1)
    """Free text; it decides no result."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Fixes initial weights, data order, devices, pulses and noise."""
    data: AnyData = Field(cast(Any, {"name": "digits"}), validate_default=True)
    """What is learned: the data set, how many samples of it, in batches of what size."""
    network: AnyNetwork = Field(cast(Any, {"kind": "mlp"}), validate_default=True)
    """The layers between inputs and outputs."""
    hardware: HardwareConfig = DigitalHardware()
    """What the weights are stored in: floating point, a tile of aihwkit, or differential pairs of PCM devices."""
    training: TrainingConfig = TrainingConfig()
    """How the weights are trained: epochs, optimizer, error transport, GRAPES."""
    evaluation: EvaluationConfig = EvaluationConfig()
    """When, how often and how the trained network is tested."""
