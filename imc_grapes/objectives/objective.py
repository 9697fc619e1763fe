"""What every task says to the training loop and to the evaluation."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from imc_grapes.data.metric import Metric
from imc_grapes.data.samples import Samples


@dataclass(frozen=True)
class StepLoss:
    """The loss of one batch."""

    mean: Tensor
    """A scalar, to go back through."""
    items: int
    """What the mean is over."""
    correct: int = 0
    """How many of them were right, where that can be said."""
    carry: Any = None
    """What the next batch needs of this one, detached."""


class Task(ABC):
    """What a network learns to do."""

    metric: ClassVar[Metric]

    @abstractmethod
    def loss(self, model: nn.Module, batch: Any, carry: Any) -> StepLoss:
        """The loss of a batch, given what the batch before left in `StepLoss.carry` (None at first)."""

    @abstractmethod
    def training_score(self, mean_loss: float, correct: int, items: int) -> float:
        """The metric over an epoch of training, from what its batches added up to."""

    @abstractmethod
    def score(self, model: nn.Module, samples: Samples) -> float:
        """The metric of `model` on `samples`, in evaluation mode."""

    def scores(self, model: nn.Module, samples: Samples) -> dict[str, float]:
        """By name: the metric, then those that are reported beside it."""
        return {self.metric.name: self.score(model, samples)}
