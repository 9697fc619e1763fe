"""Rules that span several sections of a config: what one choice forbids of another."""

from collections.abc import Iterator

from pydantic import BaseModel

from crossbar.aihwkit_presets import find_preset
from crossbar.open_loop import open_loop_problems
from crossbar.rules import RULES, RuleChoice, carried_out_by
from crossbar.specs import PulsedSpec, UpdateSpec
from device_models.inference.spec import StatisticsSpec
from device_models.inference.table import (
    DRIFT_COLUMNS,
    PROGRAMMING_COLUMNS,
    TARGET_COLUMN,
    read_table,
)
from imc_grapes.config.image_rules import image_problems
from imc_grapes.config.schema import (
    AihwkitHardware,
    DigitalHardware,
    PCMHardware,
    RunConfig,
)
from imc_grapes.config.sequence_rules import sequence_problems
from imc_grapes.config.stopping_rules import stopping_problems
from imc_grapes.config.transport_rules import transport_problems
from imc_grapes.config.yaml_file import KeyPath
from kernels.errors import InputError

Problem = tuple[KeyPath, str]
_RELATIVE_TO_G_MAX = ("pcm_nandakumar2019", "pcm_projected", "ideal")


def broken_rules(config: RunConfig) -> Iterator[Problem]:
    """Every rule that `config` breaks, as the key to blame and a message."""
    yield from sequence_problems(config)
    yield from stopping_problems(config)
    yield from image_problems(config)
    yield from transport_problems(config)
    hardware = config.hardware
    if isinstance(hardware, AihwkitHardware):
        yield from _aihwkit_problems(config, hardware)
    if isinstance(hardware, PCMHardware):
        yield from _pcm_problems(config, hardware)
    if isinstance(hardware, DigitalHardware) and hardware.statistics is None:
        reason = "digital weights do not drift unless hardware.statistics says how"
        yield from _drift_problems(config, reason)
    if hardware.statistics is not None:
        faults = hardware.statistics.faults
        if "g_reset_uS" in _changed(hardware.statistics) and not faults.stuck_reset:
            yield (
                ("hardware", "statistics", "g_reset_uS"),
                "is of devices stuck at RESET, and faults.stuck_reset is 0",
            )
        if not isinstance(hardware, PCMHardware):
            yield from _scale_free_problems(hardware.statistics)
        try:
            hardware.statistics.build()
        except InputError as error:
            yield ("hardware", "statistics"), str(error)
    yield from _read_problems(config)
    yield from _grapes_problems(config)


def _grapes_problems(config: RunConfig) -> Iterator[Problem]:
    grapes = config.training.grapes
    key = ("training", "grapes")
    if grapes.mode == "none":
        for name in grapes.exclude:
            yield (*key, "exclude"), f"names '{name}', but grapes.mode is none"
        if not grapes.readout.is_exact:
            yield (*key, "readout"), f"is {grapes.readout.kind}, but grapes.mode is none"
        if grapes.factor_bits is not None:
            yield (*key, "factor_bits"), f"is {grapes.factor_bits}, but grapes.mode is none"
    elif isinstance(config.hardware, DigitalHardware) and not grapes.readout.is_exact:
        yield (
            (*key, "readout"),
            f"the circuit {grapes.readout.kind} reads crossbars, and digital weights lie on none; "
            "use hardware.tile: pcm or aihwkit, or leave it out",
        )


def _aihwkit_problems(config: RunConfig, hardware: AihwkitHardware) -> Iterator[Problem]:
    try:
        preset = find_preset(hardware.preset)
    except InputError as error:
        yield ("hardware", "preset"), str(error)
        return
    rule = config.training.optimizer.name
    if preset.training == "in-situ":
        yield from _drift_problems(config, f"{preset.name} has no drift model")
        if "per_sample" not in RULES[rule].pulse_trains:
            yield (
                ("training", "optimizer", "name"),
                f"{preset.name} updates its devices in place and honours only {carried_out_by('per_sample')} "
                f"(got '{rule}'); "
                "a hardware-aware preset such as StandardHWATrainingPreset takes any optimizer",
            )
        if hardware.statistics is not None:
            yield (
                ("hardware", "statistics"),
                f"{preset.name} updates its devices in place and takes no other device statistics",
            )


def _pcm_problems(config: RunConfig, hardware: PCMHardware) -> Iterator[Problem]:
    update = hardware.update
    yield from _optimizer_problems(config.training.optimizer, update)
    for path, message in open_loop_problems(hardware.read, update):
        yield ("hardware", *path), message
    if hardware.read.during_training == "never" and config.training.grapes.mode != "none":
        yield (
            ("training", "grapes", "mode"),
            f"{config.training.grapes.mode} reads the columns at every update, which "
            "hardware.read.during_training: never rules out",
        )
    yield from _never_programmed_problems(hardware)
    refresh = update.refresh
    unused = _changed(refresh) - {"every_updates"}
    if refresh.every_updates is None and unused:
        yield (
            ("hardware", "update", "refresh", "every_updates"),
            f"is null, so nothing is refreshed and {', '.join(sorted(unused))} has no effect; leave one out",
        )
    # The default is let through: a resolved config holds it where none was given.
    statistics, g_max_uS = hardware.statistics, hardware.device.g_max_uS
    if statistics and "g_max_uS" in _changed(statistics) and statistics.g_max_uS != g_max_uS:
        yield (
            ("hardware", "statistics", "g_max_uS"),
            f"must be that of the device, {g_max_uS} µS (got {statistics.g_max_uS}); leave it out",
        )
    law = hardware.device.read_law
    if law is None and hardware.statistics is None:
        reason = (
            f"the model {hardware.device.model} does not drift unless hardware.statistics says how"
        )
        yield from _drift_problems(config, reason)
    if law is None:
        for key, wanted in (
            ("noise", hardware.read.noise),
            ("seconds_per_update", hardware.read.seconds_per_update),
        ):
            if wanted:
                yield (
                    ("hardware", "read", key),
                    f"the model {hardware.device.model} has neither drift nor read noise; "
                    "nandakumar2018 has both",
                )


def _optimizer_problems(chosen: RuleChoice, update: UpdateSpec) -> Iterator[Problem]:
    """What training and the circuits of the tiles say of one rule."""
    if isinstance(update, PulsedSpec) and update.trains not in chosen.rule.pulse_trains:
        yield (
            ("training", "optimizer", "name"),
            f"a pulsed update keeps no state and honours only {carried_out_by(update.trains)} (got '{chosen.name}'); "
            "hardware.update.kind: accumulated takes any optimizer",
        )
        return
    on_tiles = update.optimizer
    if on_tiles.name not in ("sgd", chosen.name):
        yield (
            ("hardware", "update", "optimizer", "name"),
            f"'{on_tiles.name}' contradicts training.optimizer.name '{chosen.name}'; leave one out",
        )
        return
    for constant, value in chosen.given.items():
        if on_tiles.given.get(constant, value) != value:
            yield (
                ("hardware", "update", "optimizer", constant),
                f"{on_tiles.given[constant]} contradicts training.optimizer.{constant} {value}; leave one out",
            )


def _changed(section: BaseModel) -> set[str]:
    """Names of the values that are not the defaults: a resolved config holds every key, so being there says nothing."""
    fields = type(section).model_fields
    return {name for name, field in fields.items() if getattr(section, name) != field.default}


def _scale_free_problems(statistics: StatisticsSpec) -> Iterator[Problem]:
    """What the shipped statistics say is relative to the largest target; a table and devices stuck at RESET are not."""
    is_relative = statistics.preset in _RELATIVE_TO_G_MAX and statistics.table is None
    if "g_max_uS" in _changed(statistics) and is_relative and not statistics.faults.stuck_reset:
        yield (
            ("hardware", "statistics", "g_max_uS"),
            f"changes nothing: noise and drift of {statistics.preset} are relative to it; it matters beside a table or "
            "faults.stuck_reset",
        )


def _never_programmed_problems(hardware: PCMHardware) -> Iterator[Problem]:
    """What `hardware.statistics` says of programming, to devices that hold what the training wrote."""
    statistics = hardware.statistics
    if statistics is None:
        return
    reason = "on tile: pcm, whose devices hold what the training wrote and are never programmed from targets"
    key = ("hardware", "statistics")
    if statistics.programming is not None:
        yield (*key, "programming"), f"has no effect {reason}; leave it out"
    if statistics.table is not None:
        try:
            programming, _ = read_table(statistics.table)
        except InputError:
            return  # said where the statistics are built
        if programming is not None:
            yield (
                (*key, "table"),
                f"its columns {' and '.join(PROGRAMMING_COLUMNS)} have no effect {reason}; a table of "
                f"{TARGET_COLUMN}, {', '.join(DRIFT_COLUMNS)} alone gives the drift",
            )


def _drift_problems(config: RunConfig, reason: str) -> Iterator[Problem]:
    if config.evaluation.times_s is not None:
        yield ("evaluation", "times_s"), f"{reason}, so no times can be given: leave it out or null"
    for name in ("compensation_read", "read_noise"):
        value = getattr(config.evaluation, name)
        if value != type(config.evaluation).model_fields[name].default:
            yield ("evaluation", name), f"is {value}, but {reason}: leave it out"


def _read_problems(config: RunConfig) -> Iterator[Problem]:
    """What has no effect on reads of hardware that drifts."""
    evaluation, hardware = config.evaluation, config.hardware
    key = ("evaluation", "compensation_read")
    if evaluation.compensation_read != "weights":
        if isinstance(hardware, AihwkitHardware):
            yield key, f"is {evaluation.compensation_read}, but aihwkit's tiles read weights"
        elif evaluation.drift_compensation == "none":
            yield (
                key,
                f"is {evaluation.compensation_read}, but evaluation.drift_compensation is none",
            )
    if not evaluation.read_noise:
        if isinstance(hardware, AihwkitHardware):
            yield ("evaluation", "read_noise"), "is that of our own tiles; aihwkit's have theirs"
        elif hardware.statistics is not None:
            yield (
                ("evaluation", "read_noise"),
                "belongs to a device model's own law, and hardware.statistics have theirs: "
                "use hardware.statistics.read_noise.scale: 0",
            )
