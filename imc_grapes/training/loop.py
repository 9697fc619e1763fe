"""The training loop: batches in an order that the seed fixes, interruptible after any batch without loss."""

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from crossbar.array_layers.calibration import calibrate
from crossbar.array_layers.training_noise import clip_weights
from imc_grapes.data.augmentation import Augmentation
from imc_grapes.data.dataset import Dataset
from imc_grapes.data.permuted_tasks import PermutedTasks
from imc_grapes.data.samples import Samples
from imc_grapes.grapes import Grapes
from imc_grapes.objectives.image_classification import ImageClassification
from imc_grapes.objectives.objective import StepLoss, Task
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
    carry: Any = None
    """What the next batch needs of the one before."""
    metrics: list[EpochMetrics] = field(default_factory=list)
    best: EpochMetrics | None = None
    """The epoch that did best on the validation data."""
    best_weights: dict[str, Any] | None = None
    """The network as it was then, if it may be needed again."""


@dataclass(frozen=True)
class Trainer:
    """One network being trained on one data set."""

    model: nn.Module
    optimizer: Optimizer
    dataset: Dataset
    batch_size: int
    epochs: int
    """Per task, where the data set is several."""
    lr_decay: float
    order: torch.Generator
    position: Position
    stop_requested: Callable[[], bool] = lambda: False
    task: Task = field(default_factory=ImageClassification)
    clip_norm: float | None = None
    patience: int | None = None
    keep_best: bool = False
    grapes: Grapes | None = None
    augmentation: Augmentation | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    """Where the model and the data are."""
    on_arrays: bool = False
    """Weights are trained in software, and may be bounded after every update."""
    calibration: Sequence[Tensor] = ()
    """Inputs on which the ranges of converters are calibrated; none where there are no such ranges."""

    @property
    def tasks(self) -> int:
        """How many tasks are learned, one after another."""
        train = self.dataset.train
        return train.count if isinstance(train, PermutedTasks) else 1

    @property
    def batches_per_epoch(self) -> int:
        """Weight updates of an epoch."""
        return self.dataset.train.n_batches(self.batch_size) // self.tasks

    def run(self, on_batch: Callable[[], None] = lambda: None) -> Iterator[EpochMetrics]:
        """Train the epochs that are left, yielding the metrics of each; `keep_best` goes back to the best one.

        Of several tasks, each is trained for `epochs`; the optimizer keeps its state, and the learning rate goes on
        to decay, from one to the next.

        Raises:
            DivergedError: the loss is NaN or infinite.
            Interrupted: `stop_requested` said so; `position` says where.
        """
        position = self.position
        while position.epoch < self.epochs * self.tasks and not self._is_out_of_patience():
            self._train_epoch(on_batch)
            self.calibrate()
            mean_loss = position.loss_sum / position.seen
            metrics = self._measured(
                mean_loss, self.task.training_score(mean_loss, position.correct, position.seen)
            )
            self._note_if_best(metrics)
            for group in self.optimizer.param_groups:
                group["lr"] *= self.lr_decay
            position.metrics.append(metrics)
            position.epoch += 1
            position.batch, position.order_state = 0, None
            position.loss_sum, position.correct, position.seen = 0.0, 0, 0
            position.carry = None
            yield metrics
        if position.best_weights is not None:
            put_back(self.model, position.best_weights, self.optimizer)

    def calibrate(self) -> None:
        """Set the ranges of converters by the weights as they are: before the first epoch and after every one.

        Between, they stay, so that a checkpoint has those of the running epoch.
        """
        if self.calibration:
            calibrate(self.model, self.calibration)

    def scores_untrained(self) -> EpochMetrics:
        """What the network is worth as it is: an epoch 0, in which nothing was trained."""
        return replace(self._measured(0.0, 0.0), epoch=0)

    def _measured(self, train_loss: float, train_score: float) -> EpochMetrics:
        name = self.task.metric.name
        validation = self._scores(self.dataset.validation)
        by_task = self._test_scores_by_task()
        test = {name: fmean(by_task)} if by_task else self._scores(self.dataset.test)
        return EpochMetrics(
            epoch=self.position.epoch + 1,
            learning_rate=self.optimizer.param_groups[0]["lr"],
            train_loss=train_loss,
            metric=name,
            train_score=train_score,
            validation_score=validation.get(name),
            test_score=test[name],
            task=self._running_task + 1 if by_task else None,
            test_score_by_task=by_task,
            beside={
                f"{part}_{beside}": score
                for part, scores in (("validation", validation), ("test", test))
                for beside, score in scores.items()
                if beside != name
            }
            or None,
        )

    def _is_out_of_patience(self) -> bool:
        best = self.position.best
        if self.patience is None or best is None:
            return False
        return self.position.epoch - best.epoch >= self.patience

    def _note_if_best(self, metrics: EpochMetrics) -> None:
        found, best = metrics.validation_score, self.position.best
        if found is None:
            return
        if best is None or self.task.metric.better(found, cast(float, best.validation_score)):
            self.position.best = metrics
            if self.keep_best:
                self.position.best_weights = snapshot(self.model)

    @property
    def _running_task(self) -> int:
        return self.position.epoch // self.epochs

    def _training_samples(self) -> Samples:
        train = self.dataset.train
        return train.task(self._running_task) if isinstance(train, PermutedTasks) else train

    def _scores(self, samples: Samples) -> dict[str, float]:
        return self.task.scores(self.model, samples) if len(samples) else {}

    def _test_scores_by_task(self) -> tuple[float, ...] | None:
        test = self.dataset.test
        if not isinstance(test, PermutedTasks):
            return None
        return tuple(self.task.score(self.model, test.task(n)) for n in range(test.count))

    def _train_epoch(self, on_batch: Callable[[], None]) -> None:
        position = self.position
        if position.order_state is None:
            position.order_state = self.order.get_state()
        else:
            self.order.set_state(position.order_state)
        self.model.train()
        for index, batch in enumerate(
            self._training_samples().batches(self.batch_size, self.order)
        ):
            if index < position.batch:
                continue
            if self.stop_requested():
                raise Interrupted
            if self.augmentation is not None:
                batch = self.augmentation.deformed(batch, position.epoch, index)
            step = training_step(
                self.model, self.optimizer, batch, self.task, position.carry, self.clip_norm
            )
            if self.on_arrays:
                clip_weights(self.model)
            loss = float(step.mean)
            if not math.isfinite(loss):
                raise DivergedError(
                    f"the loss became {loss} in epoch {position.epoch + 1}, batch {index + 1}; "
                    "a smaller training.optimizer.lr usually helps"
                )
            position.loss_sum += loss * step.items
            position.correct += step.correct
            position.seen += step.items
            position.carry = step.carry
            position.batch = index + 1
            on_batch()


def snapshot(model: nn.Module) -> dict[str, Any]:
    """A state of the model that later training leaves alone."""
    return _copied(model.state_dict())


def _copied(state: Mapping[str, Any]) -> dict[str, Any]:
    # aihwkit's own tiles also show their weights as a placeholder, which nobody can copy and loading leaves out.
    return {
        key: copy.deepcopy(value)
        for key, value in state.items()
        if key.rpartition(".")[2] != "analog_ctx"
    }


def put_back(model: nn.Module, state: dict[str, Any], optimizer: Optimizer) -> None:
    """Load a state, and let the optimizer step the parameters that are there afterwards.

    aihwkit's own tiles replace the parameter that stands for them; an optimizer that kept the old one would never
    update the tile again.
    """
    before = list(model.parameters())
    # Loading hands the state's own objects to aihwkit's tiles.
    model.load_state_dict(_copied(state))
    now = dict(zip(map(id, before), model.parameters(), strict=True))
    for group in optimizer.param_groups:
        group["params"] = [now.get(id(parameter), parameter) for parameter in group["params"]]


def training_step(
    model: nn.Module,
    optimizer: Optimizer,
    batch: Any,
    task: Task,
    carry: Any = None,
    clip_norm: float | None = None,
) -> StepLoss:
    """One weight update with the loss of a mini-batch; returns that loss, cut off from the graph."""
    optimizer.zero_grad()
    step = task.loss(model, batch, carry)
    step.mean.backward()
    if clip_norm is not None:
        nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
    update: Any = optimizer.step
    update()
    return replace(step, mean=step.mean.detach())
