"""From a config to a data set in memory."""

from pathlib import Path

import torch

from imc_grapes.config.schema import DataConfig
from imc_grapes.data import digits, idx_dataset
from imc_grapes.data.dataset import Dataset, Split
from kernels.errors import InputError


def load_dataset(config: DataConfig, seed: int, data_dir: Path | None = None) -> Dataset:
    """Read the data set and hold out its validation images.

    Args:
        config: which data, how much of it.
        seed: chooses the images held out.
        data_dir: searched first for the files.

    Raises:
        InputError: files are missing or broken, or too few images are asked for.
    """
    if config.name == "digits":
        (training, test), n_classes = digits.read_digits(), 10
    else:
        training, test = idx_dataset.read_idx_dataset(config.name, data_dir)
        n_classes = idx_dataset.N_CLASSES[config.name]
    for key, asked, there in (
        ("data.train_samples", config.train_samples, len(training)),
        ("data.test_samples", config.test_samples, len(test)),
    ):
        if asked is not None and asked > there:
            raise InputError(f"{key}: {asked} is more than the {there} images of '{config.name}'")
    training, test = training.first(config.train_samples), test.first(config.test_samples)
    train, validation = _hold_out(training, config.validation_fraction, seed)
    return Dataset(config.name, n_classes, train, validation, test)


def _hold_out(split: Split, fraction: float, seed: int) -> tuple[Split, Split]:
    held_out = int(len(split) * fraction)
    if held_out == 0:
        return split, Split(split.images[:0], split.labels[:0])
    order = torch.randperm(len(split), generator=torch.Generator().manual_seed(seed))
    chosen, rest = order[:held_out], order[held_out:].sort().values
    return (
        Split(split.images[rest], split.labels[rest]),
        Split(split.images[chosen], split.labels[chosen]),
    )
