"""Which task a config is about."""

from imc_grapes.config.schema import RunConfig
from imc_grapes.objectives.image_classification import ImageClassification
from imc_grapes.objectives.next_chord import NextChord
from imc_grapes.objectives.next_word import NextWord
from imc_grapes.objectives.objective import Task


def task_for(config: RunConfig) -> Task:
    """The task that the data of `config` set."""
    if config.data.gives == "chords":
        return NextChord()
    if config.data.gives == "words":
        return NextWord()
    return ImageClassification(config.training.loss)
