"""One experiment from its config to its results: train, checkpoint, evaluate, measure."""

from imc_grapes.experiment.listener import Listener
from imc_grapes.experiment.outcome import Outcome
from imc_grapes.experiment.run import run_experiment
from imc_grapes.training.loop import DivergedError, Interrupted

__all__ = ["DivergedError", "Interrupted", "Listener", "Outcome", "run_experiment"]
