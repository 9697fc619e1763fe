"""From a config to a data set in memory."""

from pathlib import Path
from typing import TypeVar

import torch

from imc_grapes.data.base import DATA, DataConfig, ImageData
from imc_grapes.data.dataset import Dataset, Split
from imc_grapes.data.permuted_tasks import as_permuted_tasks
from imc_grapes.data.samples import Samples
from kernels.errors import InputError

Part = TypeVar("Part", bound=Samples)


def load_dataset(config: DataConfig, seed: int, data_dir: Path | None = None) -> Dataset:
    """Read the data set; of images, hold out some for validation.

    Args:
        config: which data, how much of it.
        seed: chooses the images held out, and permutes the pixels of tasks.
        data_dir: searched first for the files.

    Raises:
        InputError: files are missing or broken, or more samples are asked for than there are.
    """
    if isinstance(config, ImageData):
        return _load_images(config, seed, data_dir)
    train, validation, test = config.read(data_dir)
    train, test = _cut(config, train, test)
    # What comes next is one of the things that come in.
    return Dataset(config.name, train.n_features, train, validation, test)


def _load_images(config: ImageData, seed: int, data_dir: Path | None) -> Dataset:
    with DATA.blaming(config.name):
        everything, for_testing = config.read(data_dir)
    n_classes = config.n_classes or 1 + int(max(everything.labels.max(), for_testing.labels.max()))
    training, test = _cut(config, everything, for_testing)
    train, validation = _hold_out(training, config.validation_fraction, seed)
    dataset = Dataset(config.name, n_classes, train, validation, test)
    return as_permuted_tasks(dataset, config.tasks.permuted, seed) if config.tasks else dataset


def _cut(config: DataConfig, training: Part, test: Part) -> tuple[Part, Part]:
    """As much of both as the config asks for."""
    for key, asked, there in (
        ("data.train_samples", config.train_samples, len(training)),
        ("data.test_samples", config.test_samples, len(test)),
    ):
        if asked is not None and asked > there:
            raise InputError(f"{key}: {asked} is more than the {there} samples of '{config.name}'")
    return training.first(config.train_samples), test.first(config.test_samples)


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
