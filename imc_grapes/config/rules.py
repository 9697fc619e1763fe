"""Rules that span several sections of a config: what one choice forbids of another."""

from collections.abc import Iterator

from imc_grapes.config.schema import AihwkitHardware, DigitalHardware, RunConfig
from imc_grapes.config.yaml_file import KeyPath
from imc_grapes.hardware.aihwkit_presets import find_preset
from kernels.errors import InputError

Problem = tuple[KeyPath, str]


def broken_rules(config: RunConfig) -> Iterator[Problem]:
    """Every rule that `config` breaks, as the key to blame and a message."""
    hardware = config.hardware
    if isinstance(hardware, AihwkitHardware):
        yield from _aihwkit_problems(config, hardware)
    if isinstance(hardware, DigitalHardware) and hardware.statistics is None:
        reason = "digital weights do not drift unless hardware.statistics says how"
        yield from _drift_problems(config, reason)
    if isinstance(hardware, DigitalHardware | AihwkitHardware) and hardware.statistics is not None:
        try:
            hardware.statistics.build()
        except InputError as error:
            yield ("hardware", "statistics"), str(error)
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
        if hardware.statistics is not None:
            yield (
                ("hardware", "statistics"),
                f"{preset.name} updates its devices in place and takes no other device statistics",
            )


def _drift_problems(config: RunConfig, reason: str) -> Iterator[Problem]:
    if config.evaluation.times_s is not None:
        yield ("evaluation", "times_s"), f"{reason}, so no times can be given: leave it out or null"
