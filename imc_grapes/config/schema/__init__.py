"""The shape of a run config, one section per file; networks and data sets bring their own keys along."""

from imc_grapes.config.schema.data import AnyData
from imc_grapes.config.schema.evaluation import EvaluationConfig
from imc_grapes.config.schema.hardware import (
    AihwkitHardware,
    ArrayConfig,
    DigitalHardware,
    HardwareConfig,
    PCMHardware,
)
from imc_grapes.config.schema.network import AnyNetwork
from imc_grapes.config.schema.run import RunConfig
from imc_grapes.config.schema.training import GrapesConfig, OptimizerConfig, TrainingConfig

__all__ = [
    "AihwkitHardware",
    "AnyData",
    "AnyNetwork",
    "ArrayConfig",
    "DigitalHardware",
    "EvaluationConfig",
    "GrapesConfig",
    "HardwareConfig",
    "OptimizerConfig",
    "PCMHardware",
    "RunConfig",
    "TrainingConfig",
]
