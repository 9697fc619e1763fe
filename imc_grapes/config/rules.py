"""Rules that span several sections of a config: what one choice forbids of another."""

from collections.abc import Iterator

from pydantic import BaseModel

from crossbar.aihwkit_presets import all_presets, find_preset
from crossbar.open_loop import open_loop_problems
from crossbar.rules import RULES, RuleChoice, carried_out_by, why_cancelled
from crossbar.specs import GradientPulses, SoftwareSpec, UpdateSpec
from device_models.inference.spec import StatisticsSpec
from device_models.inference.table import (
    DRIFT_COLUMNS,
    PROGRAMMING_COLUMNS,
    TARGET_COLUMN,
    read_table,
)
from device_models.statistics.base import STATISTICS
from imc_grapes.config.schema import (
    AihwkitHardware,
    DigitalHardware,
    HardwareConfig,
    PCMHardware,
    RunConfig,
)
from imc_grapes.config.yaml_file import KeyPath
from imc_grapes.data.base import DataConfig, ImageData
from imc_grapes.networks.base import NETWORKS
from kernels.errors import InputError

Problem = tuple[KeyPath, str]


def broken_rules(config: RunConfig) -> Iterator[Problem]:
    """Every rule that `config` breaks, as the key to blame and a message."""
    yield from _sequence_problems(config)
    yield from _stopping_problems(config)
    yield from _image_problems(config)
    yield from _transport_problems(config)
    hardware = config.hardware
    if isinstance(hardware, AihwkitHardware):
        yield from _aihwkit_problems(config, hardware)
    if isinstance(hardware, PCMHardware) and hardware.in_software:
        yield from _software_problems(config, hardware)
    elif isinstance(hardware, PCMHardware):
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
        if _is_scale_free(hardware):
            yield from _scale_free_problems(hardware.statistics)
        try:
            hardware.statistics.build()
        except InputError as error:
            yield ("hardware", "statistics"), str(error)
    yield from _read_problems(config)
    yield from _calibration_problems(config)
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
        return
    hidden = config.network.hidden_layers()
    reason = why_cancelled(
        config.training.optimizer.rule,
        grapes.mode,
        is_direct=config.training.error_transport == "dfa",
        goes_upstream=hidden is None or hidden > 1,
    )
    if reason:
        yield (*key, "mode"), f"{reason}; use none, or another rule"
    if isinstance(config.hardware, DigitalHardware) and not grapes.readout.is_exact:
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


def _software_problems(config: RunConfig, hardware: PCMHardware) -> Iterator[Problem]:
    """What belongs to training in place."""
    changed = _changed(hardware)
    for name, instead in (
        ("device", "hardware.statistics has the devices that are programmed"),
        ("read", "hardware.statistics.read_noise has the read noise"),
        ("faults", "hardware.statistics.faults has the stuck devices"),
        ("wear", "every device is programmed once"),
    ):
        if name in changed:
            yield (
                ("hardware", name),
                f"is of training in place, and hardware.update.kind is software: {instead}",
            )
    if hardware.array.weight_range != 1.0:
        yield (
            ("hardware", "array", "weight_range"),
            f"is of training in place (got {hardware.array.weight_range}); with hardware.update.kind: software "
            "array.scale says what shares a scale",
        )
    update = hardware.update
    assert isinstance(update, SoftwareSpec)
    for name in ("noise", "clip"):
        if config.training.epochs == 0 and getattr(update, name) is not None:
            yield ("hardware", "update", name), "is about training, and training.epochs is 0"


def _refused_in_place(hardware: PCMHardware) -> Iterator[Problem]:
    """What only weights that are programmed once can have."""
    in_place = f"and hardware.update.kind is {hardware.update.kind}"
    if hardware.wires is not None:
        yield ("hardware", "wires"), f"belong to update.kind software, {in_place}"
    if hardware.array.scale != "array":
        yield (
            ("hardware", "array", "scale"),
            f"{hardware.array.scale} belongs to update.kind software, {in_place}: training in place has one "
            "weight_range per layer",
        )
    for name in ("inp_range", "out_range"):
        if getattr(hardware.io, name) == "calibrated":
            yield (
                ("hardware", "io", name),
                f"calibrated belongs to update.kind software, {in_place}",
            )


def _pcm_problems(config: RunConfig, hardware: PCMHardware) -> Iterator[Problem]:
    yield from _refused_in_place(hardware)
    update = hardware.update
    assert not isinstance(update, SoftwareSpec)
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
    if isinstance(update, GradientPulses) and update.trains not in chosen.rule.pulse_trains:
        yield (
            ("training", "optimizer", "name"),
            f"a {update.kind} update keeps {update.keeps} and honours only {carried_out_by(update.trains)} "
            f"(got '{chosen.name}'); "
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


def _is_scale_free(hardware: HardwareConfig) -> bool:
    """Whether nothing but the statistics knows of conductances in µS."""
    if isinstance(hardware, PCMHardware):
        return hardware.in_software and hardware.wires is None
    return True


def _scale_free_problems(statistics: StatisticsSpec) -> Iterator[Problem]:
    """What the shipped statistics say is relative to the largest target; a table and devices stuck at RESET are not."""
    shipped = STATISTICS.entry(statistics.preset).module.startswith("device_models.")
    is_relative = shipped and statistics.table is None
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
    changed = _changed(config.evaluation)
    for name in ("repeats", "drift_compensation", "compensation_read", "read_noise", "batch_norm"):
        if name in changed:
            value = config.evaluation.model_dump(mode="json")[name]
            yield ("evaluation", name), f"is {value}, but {reason}: leave it out"


def _read_problems(config: RunConfig) -> Iterator[Problem]:
    """What has no effect on reads of hardware that drifts."""
    evaluation, hardware = config.evaluation, config.hardware
    in_software = isinstance(hardware, PCMHardware) and hardware.in_software
    if (
        "column" in evaluation.drift_compensation
        and not isinstance(hardware, DigitalHardware)
        and not in_software
    ):
        yield (
            ("evaluation", "drift_compensation"),
            f"column: hardware.tile {hardware.tile} has one factor per array and none per column; use global",
        )
    key = ("evaluation", "compensation_read")
    if evaluation.compensation_read != "weights":
        if isinstance(hardware, AihwkitHardware):
            yield key, f"is {evaluation.compensation_read}, but aihwkit's tiles read weights"
        elif evaluation.drift_compensation == ("none",):
            yield (
                key,
                f"is {evaluation.compensation_read}, but evaluation.drift_compensation is none",
            )
    if not evaluation.read_noise:
        if isinstance(hardware, AihwkitHardware):
            yield ("evaluation", "read_noise"), "is that of our own tiles; aihwkit's have theirs"
        elif hardware.statistics is not None or in_software:
            yield (
                ("evaluation", "read_noise"),
                "belongs to a device model's own law, and hardware.statistics have theirs: "
                "use hardware.statistics.read_noise.scale: 0",
            )


def _calibration_problems(config: RunConfig) -> Iterator[Problem]:
    """Rules of what is measured on calibration samples."""
    evaluation, data = config.evaluation, config.data
    hardware = config.hardware
    recalibrated = evaluation.batch_norm == "recalibrated"
    ranges = isinstance(hardware, PCMHardware) and hardware.in_software and hardware.io.calibrated
    if isinstance(data, ImageData) and data.tasks is not None:
        if recalibrated:
            yield (
                ("evaluation", "batch_norm"),
                "recalibrated takes the mean and variance of one task, and data.tasks makes several; leave one out",
            )
        if ranges:
            yield (
                ("hardware", "io"),
                "calibrates ranges on the samples of one task, and data.tasks makes several; leave one out",
            )
    if "calibration_samples" in _changed(evaluation) and not (recalibrated or ranges):
        yield (
            ("evaluation", "calibration_samples"),
            f"is {evaluation.calibration_samples}, but evaluation.batch_norm is fixed and hardware.io calibrates no "
            "range, so nothing is measured on them: leave it out",
        )


def _sequence_problems(config: RunConfig) -> Iterator[Problem]:
    """Rules between ``data:``, ``network:`` and ``hardware:``, as the key to blame and a message."""
    network, data = config.network, config.data
    if network.takes == "images":
        if not isinstance(data, ImageData):
            yield (
                ("network", "kind"),
                f"'{network.kind}' takes images, and '{data.name}' is sequences; use {_over_time()}",
            )
            return
        for key in ("rate_coding", "sequence"):
            if getattr(data, key) is not None:
                yield (
                    ("data", key),
                    f"a network of kind '{network.kind}' takes images as they are; use {_over_time()}",
                )
    elif isinstance(data, ImageData):
        if data.rate_coding is None and data.sequence is None:
            yield (
                ("data", "rate_coding"),
                f"a network of kind '{network.kind}' takes images as spike trains, and rate_coding says how; or row by "
                "row, with data.sequence: rows",
            )
        if data.rate_coding is not None and data.sequence is not None:
            yield ("data", "sequence"), "an image is either rate coded or read row by row, not both"
    elif config.training.loss != "cross_entropy":
        yield ("training", "loss"), f"belongs to images; '{data.name}' has the log-likelihood"
    hardware = config.hardware
    plain = isinstance(hardware, DigitalHardware) and hardware.statistics is None
    for key_path, message in network.problems(data, on_devices=not plain):
        yield ("network", *key_path), message


def _over_time() -> str:
    """``gru, lstm, rnn, snu or ssnu``."""
    *most, last = (one.name for one in NETWORKS if one.value.takes == "sequences")
    return f"{', '.join(most)} or {last}"


def _stopping_problems(config: RunConfig) -> Iterator[Problem]:
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
    if training.grapes.mode != "none":
        yield ("training", "grapes", "mode"), "is about training, and training.epochs is 0"
    for name in ("optimizer", "error_transport", "loss"):
        if getattr(training, name) != type(training).model_fields[name].default:
            yield ("training", name), "is about training, and training.epochs is 0"
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
        return not hardware.in_software
    if not isinstance(hardware, AihwkitHardware):
        return False
    preset = all_presets().get(hardware.preset)
    return preset is not None and preset.training == "in-situ"


def _image_problems(config: RunConfig) -> Iterator[Problem]:
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


def _transport_problems(config: RunConfig) -> Iterator[Problem]:
    """Rules of ``training.error_transport`` and of GRAPES under it, as the key to blame and a message."""
    transport, grapes = config.training.error_transport, config.training.grapes
    if grapes.clip is not None and grapes.mode == "none":
        yield ("training", "grapes", "clip"), f"is {grapes.clip}, but grapes.mode is none"
    if transport == "bp":
        return
    key = ("training", "error_transport")
    network = config.network
    if network.takes == "sequences":
        yield (
            key,
            f"'{transport}' is not defined over time, for a network of kind '{network.kind}'; use bp, or a network "
            "without recurrence such as mlp or cnn",
        )
        return
    hidden = network.hidden_layers()
    if hidden == 0:
        yield key, f"'{transport}' sends errors to hidden layers, and network.hidden is empty"
    if transport == "dfa" and grapes.mode != "none":
        yield from _direct_problems(config, hidden)


def _direct_problems(config: RunConfig, hidden: int | None) -> Iterator[Problem]:
    grapes = config.training.grapes
    if hidden == 1:
        yield (
            ("training", "grapes", "mode"),
            "under dfa the first hidden layer gets no factor, and there is no other one in network.hidden",
        )
    if grapes.mode == "local":
        yield (
            ("training", "grapes", "mode"),
            "'local' keeps the modulated error from going upstream, and under dfa none does; use propagating",
        )
    if not grapes.readout.is_exact:
        yield (
            ("training", "grapes", "readout"),
            f"the circuit {grapes.readout.kind} reads a layer's nodes, and under dfa the factors are those of its "
            "inputs; leave it out",
        )
