"""How many epochs a network needs to get as good as asked."""

from collections.abc import Sequence


def epochs_to_target(accuracies: Sequence[float], target: float) -> int | None:
    """The first epoch, counted from 1, whose accuracy is `target` or more; None if there is none."""
    return next((epoch for epoch, accuracy in enumerate(accuracies, 1) if accuracy >= target), None)
