"""From axes to trials: every combination as a checked run config."""

import copy
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

from imc_grapes.config import RunConfig, config_hash, parse_run_config
from imc_grapes.config.load import describe
from imc_grapes.config.overrides import set_key
from imc_grapes.config.rules import why_no_validation
from imc_grapes.config.yaml_file import YamlDocument
from imc_grapes.store.labels import axis_part, joined, method_of, short_keys
from imc_grapes.store.plan import Axis, Choice, Role, Setting, Trial
from imc_grapes.sweep.axes import CASE, Axes
from imc_grapes.sweep.schema import SweepConfig
from kernels.errors import InputError

_MOST_PROBLEMS_SHOWN = 20


def expand(
    config: SweepConfig,
    document: YamlDocument,
    axes: Axes,
    base_document: YamlDocument,
    base: RunConfig,
) -> list[Trial]:
    """All trials, seeds outermost, so that a sweep that is stopped early has compared everything on some seeds.

    Raises:
        InputError: there are more than `max_trials`, a config breaks the schema, two trials come out the same, they are
            measured by different metrics, or a value is to be chosen by a validation score that there is not.
    """
    _refuse_too_many(config, axes, document)
    trials: list[Trial] = []
    problems: dict[str, None] = {}
    taken: dict[str, Trial] = {}
    for seed in _seeds(config, base, document):
        for combination in _combinations(axes):
            settings = [setting for _, choice in combination for setting in choice.settings]
            try:
                trial_config = parse_run_config(resolve(base_document, [*settings, seed]))
            except InputError as error:
                problems.update(dict.fromkeys(str(error).splitlines()))
                continue
            trial = _trial(len(trials), trial_config, combination, axes)
            if trial.hash in taken:
                twin = taken[trial.hash]
                message = (
                    f"{document.source}: two trials are the same: {twin.label}, and {trial.label}"
                )
                raise InputError(message)
            taken[trial.hash] = trial
            trials.append(trial)
    if problems:
        raise InputError(_listed(list(problems)))
    _refuse_different_metrics(trials, document)
    if axes.tune is not None:
        _refuse_choices_without_validation(trials, axes.tune, document)
    return trials


def _refuse_too_many(config: SweepConfig, axes: Axes, document: YamlDocument) -> None:
    seeds = config.seeds if isinstance(config.seeds, int) else len(config.seeds)
    count = seeds * math.prod(
        len(axis.choices) for axis in axes.untuned if axis.name != CASE or not axes.tune_of_case
    )
    if axes.tune_of_case:
        count *= sum(len(axis.choices) for axis in axes.tune_of_case.values())
    elif axes.tune is not None:
        count *= len(axes.tune.choices)
    if count > config.max_trials:
        raise InputError(
            f"{document.source}: has {count:,} trials; at most {config.max_trials:,} are planned: sweep less, or set "
            "max_trials"
        )


def _refuse_different_metrics(trials: list[Trial], document: YamlDocument) -> None:
    """What is measured in different units cannot be ranked, tuned or drawn together."""
    first = {trial.config.data.metric.label: trial for trial in reversed(trials)}
    if len(first) > 1:
        listed = ", ".join(
            f"{label} on {trial.config.data.name} ({trial.label})"
            for label, trial in reversed(first.items())
        )
        message = (
            f"all trials of a sweep must be measured by the same metric, but there are {listed}"
        )
        raise InputError(f"{document.source}: {message}; make a sweep of each")


def _refuse_choices_without_validation(
    trials: list[Trial], tune: Axis, document: YamlDocument
) -> None:
    """Among several values a method takes the one with the best validation score."""
    values: dict[tuple[str, str], set[str]] = {}
    for trial in trials:
        values.setdefault((trial.method, trial.setting), set()).add(str(trial.tuned))
    for trial in trials:
        reason = why_no_validation(trial.config.data)
        if reason and len(values[trial.method, trial.setting]) > 1:
            path = ("tune",) if ("tune",) in document.lines else ("grid", tune.name)
            message = (
                f"the value of {tune.name} is chosen on validation data, and {reason} ({trial.label}); hold some "
                "out, or give one value"
            )
            raise InputError(describe(document, path, message))


def _seeds(config: SweepConfig, base: RunConfig, document: YamlDocument) -> list[Setting]:
    where = document.where(("seeds",))
    if isinstance(config.seeds, int):
        seeds: Sequence[int] = range(base.seed, base.seed + config.seeds)
    else:
        seeds = config.seeds
        if len(set(seeds)) < len(seeds):
            raise InputError(describe(document, ("seeds",), "a seed is given more than once"))
    return [Setting(("seed",), seed, where) for seed in seeds]


def _combinations(axes: Axes) -> Iterator[list[tuple[Axis, Choice]]]:
    for chosen in itertools.product(*(axis.choices for axis in axes.untuned)):
        combination = list(zip(axes.untuned, chosen, strict=True))
        if axes.tune is None:
            yield combination
            continue
        case = next((choice.label for axis, choice in combination if axis.name == CASE), None)
        tune = axes.tune_of_case.get(case, axes.tune) if case else axes.tune
        for choice in tune.choices:
            yield [*combination, (tune, choice)]


def resolve(base: YamlDocument, settings: Sequence[Setting]) -> YamlDocument:
    """The base config with swept keys on top; a message points at whichever file a key came from."""
    values = copy.deepcopy(base.values)
    origins = dict(base.overrides)
    for setting in settings:
        name = ".".join(map(str, setting.key))
        set_key(values, setting.key, copy.deepcopy(setting.value), f"{setting.where}: {name}")
        origins[setting.key] = setting.where
    lines = {
        path: line
        for path, line in base.lines.items()
        if not any(path[: len(key)] == key for key in origins)
    }
    return YamlDocument(values, base.source, lines, origins)


def _trial(
    position: int, config: RunConfig, combination: Sequence[tuple[Axis, Choice]], axes: Axes
) -> Trial:
    tuned = next((choice.value for axis, choice in combination if axis.role == "tune"), None)
    return Trial(
        position=position,
        hash=config_hash(config),
        config=config,
        method=_name("method", combination, axes) or method_of(config),
        setting=_name("setting", combination, axes),
        tuned=tuned,
        coordinates={axis.name: _coordinate(choice) for axis, choice in combination},
    )


def _name(role: Role, combination: Sequence[tuple[Axis, Choice]], axes: Axes) -> str:
    keys = [
        axis.name
        for axis in axes.untuned
        if axis.role == role and "." in axis.name and " + " not in axis.name
    ]
    short = short_keys(keys)
    return joined(
        axis_part(axis.name, choice.label, short)
        for axis, choice in combination
        if axis.role == role
    )


def _coordinate(choice: Choice) -> Any:
    return choice.value if isinstance(choice.value, int | float) else choice.label


def _listed(problems: list[str]) -> str:
    shown = problems[:_MOST_PROBLEMS_SHOWN]
    more = len(problems) - len(shown)
    return "\n".join([*shown, f"and {more} more"] if more else shown)
