"""What networks learn to do: classify images, predict the next chord, predict the next word."""

from imc_grapes.metric import Metric
from imc_grapes.tasks.for_config import task_for
from imc_grapes.tasks.task import StepLoss, Task

__all__ = ["Metric", "StepLoss", "Task", "task_for"]
