"""``data:`` which images, chorales or words, how many, in which batches."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from imc_grapes.config.schema.augmentation import AugmentationConfig
from imc_grapes.config.schema.section import Section
from imc_grapes.config.schema.tasks import TasksConfig


class RateCoding(Section):
    """An image as trains of spikes: in every time step, a pixel fires with a probability that its brightness sets."""

    steps: int = Field(20, ge=1)
    """Time steps per image; the paper also tests with 300."""
    peak_probability: float = Field(0.3, gt=0.0, le=1.0)
    """Probability that a pixel of full brightness fires in a time step."""


class DataConfig(Section):
    """Images and how they are cut up."""

    name: Literal[
        "digits",
        "mnist",
        "fashion_mnist",
        "emnist_letters",
        "emnist_balanced",
        "cifar10",
        "cifar100",
        "cifar10_4k",
    ] = "digits"
    """digits is embedded; the others are read from their published files (see --data-dir). cifar10_4k is 4,000 images
    of CIFAR-10: enough to run a network on, not to quote a CIFAR-10 accuracy."""
    batch_size: int = Field(64, ge=1)
    """Images per weight update."""
    validation_fraction: float = Field(0.1, ge=0.0, lt=1.0)
    """Share of the training images held out; every choice (a learning rate, an epoch) is made on these."""
    train_samples: int | None = Field(None, ge=1)
    """Use only that many images for training and validation together; null: all."""
    test_samples: int | None = Field(None, ge=1)
    """Test on only that many images; null: all."""
    rate_coding: RateCoding | None = None
    """Turn the images into spike trains, for networks of kind snu, ssnu, rnn, lstm, gru; null: images as they are."""
    sequence: Literal["rows"] | None = None
    """rows: a row of the image per time step, for networks of the same kinds, which answer at the last; null: not."""
    augmentation: AugmentationConfig | None = None
    """Deform the training images at random; null: images as they are."""
    tasks: TasksConfig | None = None
    """Learn the data set as several tasks, one after another; null: as one."""


class ChoralesConfig(Section):
    """JSB chorales, with the published parts for training, validation and test."""

    name: Literal["jsb"]
    batch_size: int = Field(8, ge=1)
    """Chorales per weight update."""
    train_samples: int | None = Field(None, ge=1)
    """Train on only that many chorales; null: all 229."""
    test_samples: int | None = Field(None, ge=1)
    """Test on only that many chorales; null: all 77."""


class WordsConfig(Section):
    """Penn Treebank, word level, with the published parts for training, validation and test."""

    name: Literal["ptb"]
    batch_size: int = Field(20, ge=1)
    """Streams that the text is cut into, side by side in a batch."""
    window: int = Field(35, ge=1)
    """Time steps of a batch: so far back does an error travel."""
    train_samples: int | None = Field(None, ge=1)
    """Train on only that many words; null: all 929,589."""
    test_samples: int | None = Field(None, ge=1)
    """Test on only that many words; null: all 82,430."""


def _digits_unless_named(value: Any) -> Any:
    return {"name": "digits", **value} if isinstance(value, dict) else value


AnyDataConfig = Annotated[
    DataConfig | ChoralesConfig | WordsConfig,
    Field(discriminator="name"),
    BeforeValidator(_digits_unless_named),
]
