"""The training loop: batches in an order that the seed fixes, interruptible after any batch without loss."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from imc_grapes.data import Dataset, batches
from imc_grapes.data.dataset import Split
from imc_grapes.evaluation.accuracy import accuracy
from imc_grapes.training.epoch_metrics import EpochMetrics


class DivergedError(RuntimeError):
    """The loss is NaN or infinite."""


class Interrupted(Exception):
    """The user asked to stop; the training stands between two batches."""


@dataclass
class Position:
    """How far a training has come: all that the loop needs to go on as if it had never stopped."""

    epoch: int = 0
    """Epochs that are over."""
    batch: int = 0
    """Batches of the running epoch that are over."""
    order_state: Tensor | None = None
    """State of the data-order generator when the running epoch began."""
    loss_sum: float = 0.0
    correct: int = 0
    seen: int = 0
    metrics: list[EpochMetrics] = field(default_factory=list)


@dataclass(frozen=True)
class Trainer:
    """One network being trained on one data set."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    dataset: Dataset
    batch_size: int
    epochs: int
    lr_decay: float
    order: torch.Generator
    position: Position
    stop_requested: Callable[[], bool] = lambda: False

    def run(self, on_batch: Callable[[], None] = lambda: None) -> Iterator[EpochMetrics]:
        """Train the epochs that are left, yielding the metrics of each.

        Raises:
            DivergedError: the loss is NaN or infinite.
            Interrupted: `stop_requested` said so; `position` says where.
        """
        position = self.position
        while position.epoch < self.epochs:
            self._train_epoch(on_batch)
            metrics = EpochMetrics(
                epoch=position.epoch + 1,
                learning_rate=self.optimizer.param_groups[0]["lr"],
                train_loss=position.loss_sum / position.seen,
                train_accuracy=position.correct / position.seen,
                validation_accuracy=self._accuracy(self.dataset.validation),
                test_accuracy=accuracy(self.model, self.dataset.test),
            )
            for group in self.optimizer.param_groups:
                group["lr"] *= self.lr_decay
            position.metrics.append(metrics)
            position.epoch += 1
            position.batch, position.order_state = 0, None
            position.loss_sum, position.correct, position.seen = 0.0, 0, 0
            yield metrics

    def _train_epoch(self, on_batch: Callable[[], None]) -> None:
        position = self.position
        if position.order_state is None:
            position.order_state = self.order.get_state()
        else:
            self.order.set_state(position.order_state)
        self.model.train()
        for index, batch in enumerate(batches(self.dataset.train, self.batch_size, self.order)):
            if index < position.batch:
                continue
            if self.stop_requested():
                raise Interrupted
            loss, correct = training_step(self.model, self.optimizer, batch)
            if not math.isfinite(loss):
                raise DivergedError(
                    f"the loss became {loss} in epoch {position.epoch + 1}, batch {index + 1}; "
                    "a smaller training.optimizer.lr usually helps"
                )
            position.loss_sum += loss * len(batch)
            position.correct += correct
            position.seen += len(batch)
            position.batch = index + 1
            on_batch()

    def _accuracy(self, split: Split) -> float | None:
        return accuracy(self.model, split) if len(split) else None


def training_step(
    model: nn.Module, optimizer: torch.optim.Optimizer, batch: Split
) -> tuple[float, int]:
    """One weight update with the cross-entropy of a mini-batch; returns the loss and the number of correct answers."""
    optimizer.zero_grad()
    logits: Tensor = model(batch.images)
    loss = functional.cross_entropy(logits, batch.labels)
    loss.backward()
    step: Any = optimizer.step
    step()
    return float(loss.detach()), int((logits.argmax(1) == batch.labels).sum())
