"""Rules that span several sections of a config: what one choice forbids of another."""

from collections.abc import Iterator

from imc_grapes.config.schema import AihwkitHardware, DigitalHardware, RunConfig
from imc_grapes.config.yaml_file import KeyPath, YamlDocument
from imc_grapes.hardware.aihwkit_presets import find_preset
from kernels.errors import InputError

Problem = tuple[KeyPath, str]


def broken_rules(config: RunConfig, document: YamlDocument) -> Iterator[Problem]:
    """Every rule that `config` breaks, as the key to blame and a message."""
    hardware = config.hardware
    if isinstance(hardware, AihwkitHardware):
        yield from _aihwkit_problems(config, hardware)
    if isinstance(hardware, DigitalHardware):
        yield from _drift_problems(config, "digital weights do not drift")
    for name in config.training.grapes.exclude:
        if config.training.grapes.mode == "none":
            yield ("training", "grapes", "exclude"), f"names '{name}', but grapes.mode is none"


def _aihwkit_problems(config: RunConfig, hardware: AihwkitHardware) -> Iterator[Problem]:
    try:
        preset = find_preset(hardware.preset)
    except InputError as error:
        yield ("hardware", "preset"), str(error)
        return
    optimizer = config.training.optimizer.name
    if preset.training == "in-situ":
        yield from _drift_problems(config, f"{preset.name} has no drift model")
        if optimizer != "sgd":
            yield (
                ("training", "optimizer", "name"),
                f"{preset.name} updates its devices in place and honours only sgd (got '{optimizer}'); "
                "a hardware-aware preset such as StandardHWATrainingPreset takes any optimizer",
            )


def _drift_problems(config: RunConfig, reason: str) -> Iterator[Problem]:
    if config.evaluation.times_s is not None:
        yield ("evaluation", "times_s"), f"{reason}, so no times can be given: leave it out or null"
