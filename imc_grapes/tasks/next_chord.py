"""Predict the notes of the next time step of polyphonic music."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from imc_grapes.data.chorales import ChoraleBatch
from imc_grapes.data.samples import Samples
from imc_grapes.metric import NLL
from imc_grapes.tasks.evaluation_mode import evaluation_mode
from imc_grapes.tasks.task import StepLoss, Task

_BATCH = 128
"""Chorales per forward pass; bounds the memory, decides no result."""


class NextChord(Task):
    """The network returns the log-odds of every note, ``[time, batch, 88]``, and its state.

    The negative log-likelihood of a time step, in nats, sums over its notes; the mean is over all predicted time steps
    of all chorales, padding left out (Boulanger-Lewandowski et al., ICML 2012).
    """

    metric = NLL

    def loss(self, model: nn.Module, batch: ChoraleBatch, carry: Any) -> StepLoss:
        """Mean negative log-likelihood of a time step."""
        total, steps = _total_nll(model, batch)
        return StepLoss(total / steps, steps)

    def training_score(self, mean_loss: float, correct: int, items: int) -> float:
        """The loss is the metric."""
        return mean_loss

    def score(self, model: nn.Module, samples: Samples) -> float:
        """Negative log-likelihood of a time step, in nats."""
        total, steps = torch.zeros(()), 0
        with evaluation_mode(model):
            for batch in samples.batches(_BATCH, order=None):
                batch_total, batch_steps = _total_nll(model, batch)
                total, steps = total + batch_total, steps + batch_steps
        return float(total) / steps


def _total_nll(model: nn.Module, batch: ChoraleBatch) -> tuple[Tensor, int]:
    log_odds, _ = model(batch.inputs)
    per_note = functional.binary_cross_entropy_with_logits(
        log_odds, batch.targets, reduction="none"
    )
    return (per_note.sum(2) * batch.counted).sum(), int(batch.counted.sum())
