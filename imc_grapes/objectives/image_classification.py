"""Tell the class of an image."""

from statistics import fmean
from typing import Any, Literal

from torch import Tensor, nn
from torch.nn import functional

from imc_grapes.data.dataset import Split, batches
from imc_grapes.data.metric import ACCURACY
from imc_grapes.data.permuted_tasks import PermutedTasks
from imc_grapes.data.samples import Samples
from imc_grapes.objectives.evaluation_mode import evaluation_mode
from imc_grapes.objectives.objective import StepLoss, Task

LossName = Literal["cross_entropy", "squared_error"]


class ImageClassification(Task):
    """The network returns a number per class ``[batch, classes]``; the largest is its answer."""

    metric = ACCURACY

    def __init__(self, loss: LossName = "cross_entropy") -> None:
        self._loss = loss

    def loss(self, model: nn.Module, batch: Split, carry: Any) -> StepLoss:
        """Cross-entropy, or the mean squared distance from 1 for the class and 0 for all others."""
        answers: Tensor = model(batch.images)
        if self._loss == "squared_error":
            wanted = functional.one_hot(batch.labels, answers.shape[1]).to(answers.dtype)
            mean = functional.mse_loss(answers, wanted)
        else:
            mean = functional.cross_entropy(answers, batch.labels)
        correct = int((answers.argmax(1) == batch.labels).sum())
        return StepLoss(mean, len(batch), correct)

    def training_score(self, mean_loss: float, correct: int, items: int) -> float:
        """Fraction of the answers that were right."""
        return correct / items

    def score(self, model: nn.Module, samples: Samples) -> float:
        """Accuracy; on several tasks, their mean."""
        if isinstance(samples, PermutedTasks):
            return fmean(accuracy(model, samples.task(task)) for task in range(samples.count))
        assert isinstance(samples, Split)
        return accuracy(model, samples)


_BATCH = 1024
"""Images per forward pass; bounds the memory, decides no result."""


def accuracy(model: nn.Module, split: Split) -> float:
    """Fraction of the images of `split` that `model` classifies correctly, in evaluation mode."""
    correct = 0
    with evaluation_mode(model):
        for batch in batches(split, _BATCH, order=None):
            correct += int((model(batch.images).argmax(1) == batch.labels).sum())
    return correct / len(split)
