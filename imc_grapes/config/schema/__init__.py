"""The shape of a run config, one section per file."""

from imc_grapes.config.schema.data import DataConfig
from imc_grapes.config.schema.evaluation import EvaluationConfig
from imc_grapes.config.schema.hardware import (
    AihwkitHardware,
    ArrayConfig,
    DigitalHardware,
    HardwareConfig,
)
from imc_grapes.config.schema.network import CNNConfig, MLPConfig, NetworkConfig
from imc_grapes.config.schema.run import RunConfig
from imc_grapes.config.schema.training import GrapesConfig, OptimizerConfig, TrainingConfig

__all__ = [
    "AihwkitHardware",
    "ArrayConfig",
    "CNNConfig",
    "DataConfig",
    "DigitalHardware",
    "EvaluationConfig",
    "GrapesConfig",
    "HardwareConfig",
    "MLPConfig",
    "NetworkConfig",
    "OptimizerConfig",
    "RunConfig",
    "TrainingConfig",
]
