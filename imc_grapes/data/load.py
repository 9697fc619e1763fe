"""From a config to a data set in memory."""

from pathlib import Path
from typing import TypeVar

import torch

from imc_grapes.config.schema import AnyDataConfig, ChoralesConfig, DataConfig, WordsConfig
from imc_grapes.data.chorales import NOTES, read_chorales
from imc_grapes.data.dataset import Dataset, Split
from imc_grapes.data.image_sets import IMAGE_SETS
from imc_grapes.data.permuted_tasks import as_permuted_tasks
from imc_grapes.data.samples import Samples
from imc_grapes.data.words import read_words
from kernels.errors import InputError

Part = TypeVar("Part", bound=Samples)


def load_dataset(config: AnyDataConfig, seed: int, data_dir: Path | None = None) -> Dataset:
    """Read the data set; of images, hold out some for validation.

    Args:
        config: which data, how much of it.
        seed: chooses the images held out, and permutes the pixels of tasks.
        data_dir: searched first for the files.

    Raises:
        InputError: files are missing or broken, or more samples are asked for than there are.
    """
    if isinstance(config, ChoralesConfig):
        chorales, validation, test_chorales = read_chorales(data_dir)
        train, test = _cut(config, chorales, test_chorales)
        return Dataset(config.name, NOTES, train, validation, test)
    if isinstance(config, WordsConfig):
        text, validation_text, test_text = read_words(data_dir, config.window)
        words, test_words = _cut(config, text, test_text)
        return Dataset(config.name, text.vocabulary, words, validation_text, test_words)
    return _load_images(config, seed, data_dir)


def _load_images(config: DataConfig, seed: int, data_dir: Path | None) -> Dataset:
    image_set = IMAGE_SETS[config.name]
    training, test = _cut(config, *image_set.read(data_dir))
    train, validation = _hold_out(training, config.validation_fraction, seed)
    dataset = Dataset(config.name, image_set.n_classes, train, validation, test)
    return as_permuted_tasks(dataset, config.tasks.permuted, seed) if config.tasks else dataset


def _cut(config: AnyDataConfig, training: Part, test: Part) -> tuple[Part, Part]:
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
