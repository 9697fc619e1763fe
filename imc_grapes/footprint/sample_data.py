"""The mini-batches that a footprint trains on: of the config's data, or random images of the same size."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from imc_grapes.config import RunConfig
from imc_grapes.config.schema import DataConfig
from imc_grapes.data import Dataset, load_dataset
from imc_grapes.data.dataset import Split
from imc_grapes.data.image_sets import IMAGE_SETS
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
    if isinstance(data, DataConfig):
        # Of several tasks one is as good as all: they cost the same.
        data = data.model_copy(update={"tasks": None})
    try:
        dataset = load_dataset(data, config.seed, data_dir)
    except InputError:
        if not isinstance(data, DataConfig) or data.name == "digits":
            raise
        images = _random_images(config, min(size, _MOST_RANDOM_IMAGES))
        return SampleData(images, "random images: the data set is not there")
    if not isinstance(dataset.train, Split):
        return SampleData(dataset, config.data.name)
    few = dataset.train.first(size)
    # A view would carry the whole data set along when it is sent to another process.
    copied = Split(few.images.clone(), few.labels.clone())
    return SampleData(
        replace(dataset, train=copied, validation=copied, test=copied), config.data.name
    )


def _random_images(config: RunConfig, size: int) -> Dataset:
    name = config.data.name
    image_set = IMAGE_SETS[name]
    numbers = generator(config.seed, "random images")
    split = Split(
        torch.rand(size, *image_set.image_shape, generator=numbers),
        torch.randint(image_set.n_classes, (size,), generator=numbers),
    )
    return Dataset(name, image_set.n_classes, split, split, split)
