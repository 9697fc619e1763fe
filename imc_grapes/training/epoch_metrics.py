"""What is known of an epoch when it is over."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class EpochMetrics:
    """One line of ``metrics.jsonl``; scores are None where there are no samples to measure on."""

    epoch: int
    """Counted from 1."""
    learning_rate: float
    train_loss: float
    """Mean over the epoch, while the weights were changing."""
    metric: str
    """What the scores are: accuracy (a fraction), nll (nats per time step) or perplexity."""
    train_score: float
    """Mean over the epoch, while the weights were changing."""
    validation_score: float | None
    test_score: float
    """With several tasks, this and the validation score are means over all of them, those to come too."""
    task: int | None = None
    """Which of several tasks was trained, counted from 1; None where there is only one."""
    test_score_by_task: tuple[float, ...] | None = None
    beside: dict[str, float] | None = None
    """By key: scores that are reported beside the metric, such as ``test_nll_per_chorale``."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; the scores are called ``test_accuracy``, ``test_nll`` and so on."""
        by_task = self.test_score_by_task
        return {
            "epoch": self.epoch,
            "learning_rate": self.learning_rate,
            "train_loss": self.train_loss,
            f"train_{self.metric}": self.train_score,
            f"validation_{self.metric}": self.validation_score,
            f"test_{self.metric}": self.test_score,
            **(self.beside or {}),
            **(
                {"task": self.task, f"test_{self.metric}_by_task": list(by_task)} if by_task else {}
            ),
        }
