"""What early stopping, going back to an earlier epoch, and clipping ask of data and hardware."""

from collections.abc import Iterator

from crossbar.aihwkit_presets import all_presets
from imc_grapes.config.schema import AihwkitHardware, PCMHardware, RunConfig
from imc_grapes.config.yaml_file import KeyPath
from imc_grapes.data.base import DataConfig, ImageData

Problem = tuple[KeyPath, str]


def stopping_problems(config: RunConfig) -> Iterator[Problem]:
    """Rules of ``training.patience``, ``keep`` and ``clip_norm``, as the key to blame and a message."""
    training = config.training
    reason = why_no_validation(config.data)
    if training.patience is not None and reason:
        yield ("training", "patience"), f"needs validation data, and {reason}"
    if training.keep == "best" and reason:
        yield ("training", "keep"), f"best needs validation data, and {reason}"
    if training.epochs == 0:
        yield from _untrained_problems(config)
    if not _updates_devices_in_place(config):
        return
    if training.keep == "best":
        yield (
            ("training", "keep"),
            "devices that are updated in place cannot go back to an earlier epoch; patience can stop the training",
        )
    if training.clip_norm is not None:
        yield (
            ("training", "clip_norm"),
            "devices that are updated in place never see a gradient that could be clipped",
        )


def _untrained_problems(config: RunConfig) -> Iterator[Problem]:
    training, data = config.training, config.data
    images = data if isinstance(data, ImageData) else None
    for key, is_given in (
        (("training", "patience"), training.patience is not None),
        (("training", "keep"), training.keep == "best"),
        (("training", "clip_norm"), training.clip_norm is not None),
        (("evaluation", "target_accuracy"), config.evaluation.target_accuracy is not None),
        (("data", "tasks"), images is not None and images.tasks is not None),
        (("data", "augmentation"), images is not None and images.augmentation is not None),
    ):
        if is_given:
            yield key, "is about training, and training.epochs is 0"


def why_no_validation(data: DataConfig) -> str | None:
    """Why nothing is held out for validation, in words; None where something is, or was by who published the data."""
    if not isinstance(data, ImageData):
        return None
    if data.validation_fraction == 0.0:
        return "data.validation_fraction is 0"
    if data.train_samples is not None and int(data.train_samples * data.validation_fraction) == 0:
        return f"data.validation_fraction {data.validation_fraction:g} of {data.train_samples} images is none"
    return None


def _updates_devices_in_place(config: RunConfig) -> bool:
    hardware = config.hardware
    if isinstance(hardware, PCMHardware):
        return True
    if not isinstance(hardware, AihwkitHardware):
        return False
    preset = all_presets().get(hardware.preset)
    return preset is not None and preset.training == "in-situ"
