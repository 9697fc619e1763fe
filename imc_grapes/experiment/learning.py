"""How fast a network learned, and how much it forgot, for ``summary.json``."""

from collections.abc import Sequence
from typing import Any

from imc_grapes.data.metric import ACCURACY
from imc_grapes.experiment.forgetting import average_accuracy, forgetting
from imc_grapes.experiment.slowness import MIN_EPOCHS, fit_slowness
from imc_grapes.training.epoch_metrics import EpochMetrics


def learning_measures(
    metrics: Sequence[EpochMetrics], epochs_per_task: int, target_accuracy: float | None
) -> dict[str, Any]:
    """Of networks that classify, and were trained: slowness, epochs to the target if there is one; of several tasks,
    what was forgotten.

    Slowness is fitted to the test accuracy; with fewer than 3 epochs, and where the fit fails, it is None. Whether the
    target is reached is decided on the validation data, as every choice is.
    """
    if not metrics or metrics[-1].metric != ACCURACY.name:
        return {}
    if metrics[-1].test_score_by_task is not None:
        matrix = [
            list(epoch.test_score_by_task or ())
            for epoch in metrics
            if epoch.epoch % epochs_per_task == 0
        ]
        return {
            "task_accuracies": matrix,
            "average_accuracy": average_accuracy(matrix),
            "forgetting": forgetting(matrix),
        }
    fit = (
        fit_slowness([epoch.test_score for epoch in metrics])
        if len(metrics) >= MIN_EPOCHS
        else None
    )
    found: dict[str, Any] = {
        "slowness": fit.slowness if fit else None,
        "slowness_error": fit.slowness_error if fit else None,
        "accuracy_max": fit.accuracy_max if fit else None,
        "slowness_rmse": fit.rmse if fit else None,
    }
    if target_accuracy is not None:
        scores = [epoch.validation_score or 0.0 for epoch in metrics]
        found["epochs_to_target"] = epochs_to_target(scores, target_accuracy)
    return found


def epochs_to_target(accuracies: Sequence[float], target: float) -> int | None:
    """The first epoch, counted from 1, whose accuracy is `target` or more; None if there is none."""
    return next((epoch for epoch, accuracy in enumerate(accuracies, 1) if accuracy >= target), None)
