"""Predict the next word of running text."""

import math
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from imc_grapes.data.metric import PERPLEXITY
from imc_grapes.data.samples import Samples
from imc_grapes.data.words import WordBatch
from imc_grapes.objectives.evaluation_mode import evaluation_mode
from imc_grapes.objectives.objective import StepLoss, Task

_STREAMS = 10
"""Streams that a text is cut into for evaluation, each of which starts without memory."""


class NextWord(Task):
    """The network returns a number per word of the vocabulary, ``[time, batch, vocabulary]``, and its state.

    The state goes on from batch to batch; errors do not (truncated backpropagation through time).
    """

    metric = PERPLEXITY

    def loss(self, model: nn.Module, batch: WordBatch, carry: Any) -> StepLoss:
        """Mean negative log-likelihood of a word, in nats."""
        answers, state = model(batch.inputs, carry if batch.goes_on else None)
        mean = functional.cross_entropy(answers.flatten(0, 1), batch.targets.flatten())
        return StepLoss(mean, batch.targets.numel(), carry=detached(state))

    def training_score(self, mean_loss: float, correct: int, items: int) -> float:
        """Perplexity while the weights were changing."""
        return math.exp(min(mean_loss, 700.0))

    def score(self, model: nn.Module, samples: Samples) -> float:
        """Perplexity."""
        total, words, carry = 0.0, 0, None
        with evaluation_mode(model):
            for batch in samples.batches(_STREAMS, order=None):
                step = self.loss(model, batch, carry)
                total, words, carry = (
                    total + float(step.mean) * step.items,
                    words + step.items,
                    step.carry,
                )
        return math.exp(min(total / words, 700.0))


def detached(state: Any) -> Any:
    """The same nest of tuples and lists, its tensors without their history."""
    if isinstance(state, Tensor):
        return state.detach()
    if isinstance(state, tuple) and hasattr(state, "_fields"):
        return type(state)(*(detached(part) for part in state))
    return type(state)(detached(part) for part in state)
