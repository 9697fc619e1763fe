"""What is known of an epoch when it is over."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class EpochMetrics:
    """One line of ``metrics.jsonl``; accuracies are fractions, None where there are no images to measure on."""

    epoch: int
    """Counted from 1."""
    learning_rate: float
    train_loss: float
    """Mean over the epoch, while the weights were changing."""
    train_accuracy: float
    """Mean over the epoch, while the weights were changing."""
    validation_accuracy: float | None
    test_accuracy: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)
