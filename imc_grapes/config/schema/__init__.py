"""The shape of a run config, one section per file."""

from imc_grapes.config.schema.augmentation import AugmentationConfig
from imc_grapes.config.schema.data import (
    AnyDataConfig,
    ChoralesConfig,
    DataConfig,
    RateCoding,
    WordsConfig,
)
from imc_grapes.config.schema.evaluation import EvaluationConfig
from imc_grapes.config.schema.hardware import (
    AihwkitHardware,
    ArrayConfig,
    DigitalHardware,
    HardwareConfig,
    PCMHardware,
)
from imc_grapes.config.schema.network import (
    CNNConfig,
    ImageNetworkConfig,
    LeNetConfig,
    MLPConfig,
    NetworkConfig,
    RecurrentConfig,
    ResNet9Config,
    SequenceNetworkConfig,
    SNUConfig,
)
from imc_grapes.config.schema.run import RunConfig
from imc_grapes.config.schema.tasks import TasksConfig
from imc_grapes.config.schema.training import GrapesConfig, OptimizerConfig, TrainingConfig

__all__ = [
    "AihwkitHardware",
    "AnyDataConfig",
    "ArrayConfig",
    "AugmentationConfig",
    "CNNConfig",
    "ChoralesConfig",
    "DataConfig",
    "DigitalHardware",
    "EvaluationConfig",
    "GrapesConfig",
    "HardwareConfig",
    "ImageNetworkConfig",
    "LeNetConfig",
    "MLPConfig",
    "NetworkConfig",
    "OptimizerConfig",
    "PCMHardware",
    "RateCoding",
    "RecurrentConfig",
    "ResNet9Config",
    "RunConfig",
    "SNUConfig",
    "SequenceNetworkConfig",
    "TasksConfig",
    "TrainingConfig",
    "WordsConfig",
]
