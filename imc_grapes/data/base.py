"""What every data set is to a config: its keys, what it gives, where its files lie, how it is read."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from device_models.parameters import Parameters
from device_models.registry import Registry
from imc_grapes.data.deformations import AugmentationConfig
from imc_grapes.data.metric import ACCURACY, Metric

if TYPE_CHECKING:
    from imc_grapes.data.samples import Samples


@dataclass(frozen=True)
class Files:
    """The files of a data set."""

    layouts: tuple[tuple[str, dict[str, str]], ...]
    """Per way in which they are published: the folder, as torchvision names it where it has the data, and the file of
    each part. idx files may end in ``.gz``."""
    published: str
    """Where."""


class DataConfig(Parameters):
    """``data:`` of a config; a subclass per data set."""

    gives: ClassVar[Literal["images", "chords", "words"]] = "images"
    metric: ClassVar[Metric] = ACCURACY
    """What networks are measured by on it."""
    files: ClassVar[Files | None] = None
    """None for data that needs none."""

    name: str = ""
    """Name that the data set is registered by."""
    batch_size: int = Field(64, ge=1)
    """Samples per weight update."""
    train_samples: int | None = Field(None, ge=1)
    """Train on only that many samples; null: all."""
    test_samples: int | None = Field(None, ge=1)
    """Test on only that many samples; null: all."""

    def read(self, data_dir: Path | None) -> "tuple[Samples, ...]":
        """Training, validation and test samples, as they were published.

        Args:
            data_dir: searched first for the files.

        Raises:
            InputError: a file is missing or broken.
        """
        raise NotImplementedError


class RateCoding(Parameters):
    """An image as trains of spikes: in every time step, a pixel fires with a probability that its brightness sets."""

    steps: int = Field(20, ge=1)
    """Time steps per image; the paper also tests with 300."""
    peak_probability: float = Field(0.3, gt=0.0, le=1.0)
    """Probability that a pixel of full brightness fires in a time step."""


class TasksConfig(Parameters):
    """Continual learning: each task is trained for ``training.epochs`` epochs, then never seen again."""

    permuted: int = Field(ge=2)
    """Number of tasks. The first shows the images as they are; each other one shuffles the pixels of all images by a
    permutation of its own, which the seed decides."""


class ImageData(DataConfig):
    """Images and how they are cut up."""

    n_classes: ClassVar[int | None] = None
    """None where it takes reading the data to know."""
    image_shape: ClassVar[tuple[int, int, int] | None] = None
    """Channels, height, width; None as above."""

    batch_size: int = Field(64, ge=1)
    """Images per weight update."""
    validation_fraction: float = Field(0.1, ge=0.0, lt=1.0)
    """Share of the training images held out, in [0, 1); every choice (a learning rate, an epoch) is made on these."""
    train_samples: int | None = Field(None, ge=1)
    """Use only that many images for training and validation together; null: all."""
    test_samples: int | None = Field(None, ge=1)
    """Test on only that many images; null: all."""
    rate_coding: RateCoding | None = None
    """Turn the images into spike trains, for networks over time such as snu and lstm; null: images as they are."""
    sequence: Literal["rows"] | None = None
    """rows: a row of the image per time step, for networks over time, which answer at the last step; null: not."""
    augmentation: AugmentationConfig | None = None
    """Deform the training images at random; null: images as they are."""
    tasks: TasksConfig | None = None
    """Learn the data set as several tasks, one after another; null: as one."""

    def read(self, data_dir: Path | None) -> "tuple[Any, Any]":
        """All training and test images, each a `Split`; those for validation are held out of the training images."""
        raise NotImplementedError


DATA: Registry[type[DataConfig]] = Registry("data.name", "imc_grapes.data", DataConfig, "name")
