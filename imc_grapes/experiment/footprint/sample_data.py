"""The mini-batches that a footprint trains on: of the config's data, or random images of the same size."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from imc_grapes.config import RunConfig
from imc_grapes.data.base import ImageData
from imc_grapes.data.dataset import Dataset, Split
from imc_grapes.data.load import load_dataset
from imc_grapes.seeding import generator
from kernels.errors import InputError

_MOST_RANDOM_IMAGES = 4096


@dataclass(frozen=True)
class SampleData:
    """Mini-batches, and what they are."""

    dataset: Dataset
    source: str


def sample_data(config: RunConfig, updates: int, data_dir: Path | None) -> SampleData:
    """Enough samples for so many updates.

    Raises:
        InputError: the data cannot be read, and is more than images.
    """
    size = updates * config.data.batch_size
    data = config.data
    if isinstance(data, ImageData):
        # Of several tasks one is as good as all: they cost the same.
        data = data.model_copy(update={"tasks": None})
    try:
        dataset = load_dataset(data, config.seed, data_dir)
    except InputError:
        if not isinstance(data, ImageData) or data.files is None:
            raise
        images = _random_images(data, config.seed, min(size, _MOST_RANDOM_IMAGES))
        return SampleData(images, "random images: the data set is not there")
    if not isinstance(dataset.train, Split):
        return SampleData(dataset, config.data.name)
    few = dataset.train.first(size)
    # A view would carry the whole data set along when it is sent to another process.
    copied = Split(few.images.clone(), few.labels.clone())
    return SampleData(
        replace(dataset, train=copied, validation=copied, test=copied), config.data.name
    )


def _random_images(data: ImageData, seed: int, size: int) -> Dataset:
    assert data.image_shape is not None
    assert data.n_classes is not None
    numbers = generator(seed, "random images")
    split = Split(
        torch.rand(size, *data.image_shape, generator=numbers),
        torch.randint(data.n_classes, (size,), generator=numbers),
    )
    return Dataset(data.name, data.n_classes, split, split, split)
