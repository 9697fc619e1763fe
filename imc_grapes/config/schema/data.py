"""``data:`` which images, chorales or words, how many, in which batches: any set that is registered."""

from typing import Annotated

from device_models.registry import OneOf
from imc_grapes.data.base import DATA, DataConfig

AnyData = Annotated[DataConfig, OneOf(DATA, default="digits")]
