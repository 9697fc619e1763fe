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

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; the scores are called ``test_accuracy``, ``test_nll`` and so on."""
        return {
            "epoch": self.epoch,
            "learning_rate": self.learning_rate,
            "train_loss": self.train_loss,
            f"train_{self.metric}": self.train_score,
            f"validation_{self.metric}": self.validation_score,
            f"test_{self.metric}": self.test_score,
        }
