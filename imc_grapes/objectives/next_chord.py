"""Predict the notes of the next time step of polyphonic music."""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from imc_grapes.data.chorales import ChoraleBatch
from imc_grapes.data.metric import NLL, NLL_PER_CHORALE
from imc_grapes.data.samples import Samples
from imc_grapes.objectives.evaluation_mode import evaluation_mode
from imc_grapes.objectives.objective import StepLoss, Task

_BATCH = 128
"""Chorales per forward pass; bounds the memory, decides no result."""


class NextChord(Task):
    """The network returns the log-odds of every note, ``[time, batch, 88]``, and its state.

    The negative log-likelihood of a time step, in nats, sums over its notes (Boulanger-Lewandowski et al., ICML 2012).
    Loss and score are its mean over all predicted time steps of all chorales, padding left out; beside the score stands
    the mean over chorales of each one's mean.
    """

    metric = NLL

    def loss(self, model: nn.Module, batch: ChoraleBatch, carry: Any) -> StepLoss:
        """Mean negative log-likelihood of a time step."""
        steps = int(batch.counted.sum())
        return StepLoss(_nll_of_steps(model, batch).sum() / steps, steps)

    def training_score(self, mean_loss: float, correct: int, items: int) -> float:
        """The loss is the metric."""
        return mean_loss

    def score(self, model: nn.Module, samples: Samples) -> float:
        """Negative log-likelihood of a time step, in nats."""
        return self.scores(model, samples)[NLL.name]

    def scores(self, model: nn.Module, samples: Samples) -> dict[str, float]:
        """The same over all time steps, and per chorale."""
        total, steps, of_chorales = 0.0, 0, 0.0
        with evaluation_mode(model):
            for batch in samples.batches(_BATCH, order=None):
                nll = _nll_of_steps(model, batch)
                total, steps = total + float(nll.sum()), steps + int(batch.counted.sum())
                of_chorales += float((nll.sum(0) / batch.counted.sum(0)).double().sum())
        return {
            NLL.name: total / steps,
            NLL_PER_CHORALE.name: of_chorales / len(samples),
        }


def _nll_of_steps(model: nn.Module, batch: ChoraleBatch) -> Tensor:
    """``[time, batch]``, 0 in the padding."""
    log_odds, _ = model(batch.inputs)
    per_note = functional.binary_cross_entropy_with_logits(
        log_odds, batch.targets, reduction="none"
    )
    return per_note.sum(2) * batch.counted
