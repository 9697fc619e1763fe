"""``data:`` which images, how many, in which batches."""

from typing import Literal

from pydantic import Field

from imc_grapes.config.schema.section import Section


class DataConfig(Section):
    """The data set and how it is cut up."""

    name: Literal["digits", "mnist", "fashion_mnist", "emnist_letters"] = "digits"
    """digits is embedded; the others are read from idx files (see --data-dir)."""
    batch_size: int = Field(64, ge=1)
    """Images per weight update."""
    validation_fraction: float = Field(0.1, ge=0.0, lt=1.0)
    """Share of the training images held out; every choice (a learning rate, an epoch) is made on these."""
    train_samples: int | None = Field(None, ge=1)
    """Use only that many images for training and validation together; null: all."""
    test_samples: int | None = Field(None, ge=1)
    """Test on only that many images; null: all."""
