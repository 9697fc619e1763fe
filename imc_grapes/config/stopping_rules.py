"""What early stopping, going back to an earlier epoch, and clipping ask of data and hardware."""

from collections.abc import Iterator

from imc_grapes.config.schema import AihwkitHardware, DataConfig, PCMHardware, RunConfig
from imc_grapes.config.yaml_file import KeyPath
from imc_grapes.hardware.aihwkit_presets import all_presets

Problem = tuple[KeyPath, str]


def stopping_problems(config: RunConfig) -> Iterator[Problem]:
    """Rules of ``training.patience``, ``keep`` and ``clip_norm``, as the key to blame and a message."""
    training, data = config.training, config.data
    no_validation = isinstance(data, DataConfig) and data.validation_fraction == 0.0
    if training.patience is not None and no_validation:
        yield ("training", "patience"), "needs validation data, and data.validation_fraction is 0"
    if training.keep == "best" and no_validation:
        yield ("training", "keep"), "best needs validation data, and data.validation_fraction is 0"
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


def _updates_devices_in_place(config: RunConfig) -> bool:
    hardware = config.hardware
    if isinstance(hardware, PCMHardware):
        return True
    if not isinstance(hardware, AihwkitHardware):
        return False
    preset = all_presets().get(hardware.preset)
    return preset is not None and preset.training == "in-situ"
