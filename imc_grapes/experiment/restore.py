"""The trained network of a finished run, from the run's folder."""

from dataclasses import dataclass
from pathlib import Path

from imc_grapes.config import RunConfig, config_hash
from imc_grapes.config.load import validate
from imc_grapes.config.yaml_file import read_yaml
from imc_grapes.data.load import load_dataset
from imc_grapes.experiment.assemble import prepare
from imc_grapes.experiment.compute import Compute, DeviceName
from imc_grapes.experiment.listener import Listener
from imc_grapes.experiment.run_folder import RunFolder
from imc_grapes.summary import Summary
from imc_grapes.training.checkpoint import load_checkpoint
from imc_grapes.training.loop import Trainer, put_back
from kernels.errors import InputError


@dataclass(frozen=True)
class FinishedRun:
    """A run that is over, its network as it was when it was evaluated."""

    config: RunConfig
    trainer: Trainer
    summary: Summary


def restore(path: Path, data_dir: Path | None = None, device: DeviceName = "cpu") -> FinishedRun:
    """Load the run in the folder `path`, wherever it was computed.

    Args:
        path: the folder.
        data_dir: searched first for data files.
        device: that torch computes on.

    Raises:
        InputError: the folder holds no finished run with its checkpoint, its data cannot be read, a file that its
            config names has changed, or the hardware cannot be computed on `device`.
    """
    folder = RunFolder(path)
    for file in (folder.config, folder.summary, folder.checkpoint):
        if not file.is_file():
            raise InputError(f"{path}: holds no finished run: {file.name} is missing")
    config = validate(RunConfig, read_yaml(folder.config))
    folder.refuse_other_configs(config)
    Compute(device).refuse_hardware(config.hardware)
    summary = Summary.read(folder.summary)
    dataset = load_dataset(config.data, config.seed, data_dir)
    trainer, _ = prepare(config, dataset, Listener(), device)
    load_checkpoint(trainer, config_hash(config), folder.checkpoint)
    if trainer.position.best_weights is not None:
        put_back(trainer.model, trainer.position.best_weights, trainer.optimizer)
    return FinishedRun(config, trainer, summary)
