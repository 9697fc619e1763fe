"""What several tasks, augmentation and a target accuracy ask of the rest of a config."""

from collections.abc import Iterator

from imc_grapes.config.schema import RunConfig
from imc_grapes.config.stopping_rules import why_no_validation
from imc_grapes.config.yaml_file import KeyPath
from imc_grapes.data.base import ImageData

Problem = tuple[KeyPath, str]


def image_problems(config: RunConfig) -> Iterator[Problem]:
    """Rules of ``data.tasks``, ``data.augmentation`` and ``evaluation.target_accuracy``."""
    data, training = config.data, config.training
    target = config.evaluation.target_accuracy
    target_key = ("evaluation", "target_accuracy")
    if not isinstance(data, ImageData):
        if target is not None:
            yield target_key, f"belongs to images; '{data.name}' has no accuracy"
        return
    reason = why_no_validation(data)
    if target is not None and reason:
        yield target_key, f"needs validation data, and {reason}"
    if data.tasks is None:
        return
    if target is not None:
        yield target_key, "belongs to a single task, and data.tasks makes several"
    if data.augmentation is not None:
        yield (
            ("data", "augmentation"),
            "deforms images, and those of permuted tasks have no neighbouring pixels; leave one out",
        )
    if training.patience is not None:
        yield ("training", "patience"), "would end the training before all of data.tasks"
    if training.keep == "best":
        yield ("training", "keep"), "best would go back to before the last of data.tasks"
