"""Which task a config is about."""

from imc_grapes.config.schema import ChoralesConfig, RunConfig, WordsConfig
from imc_grapes.tasks.image_classification import ImageClassification
from imc_grapes.tasks.next_chord import NextChord
from imc_grapes.tasks.next_word import NextWord
from imc_grapes.tasks.task import Task


def task_for(config: RunConfig) -> Task:
    """The task that the data of `config` set."""
    if isinstance(config.data, ChoralesConfig):
        return NextChord()
    if isinstance(config.data, WordsConfig):
        return NextWord()
    return ImageClassification(config.training.loss)
