"""``data.tasks:`` one data set as several tasks that are learned one after another."""

from pydantic import Field

from imc_grapes.config.schema.section import Section


class TasksConfig(Section):
    """Continual learning: each task is trained for ``training.epochs`` epochs, then never seen again."""

    permuted: int = Field(ge=2)
    """Number of tasks. The first shows the images as they are; each other one shuffles the pixels of all images by a
    permutation of its own, which the seed decides."""
