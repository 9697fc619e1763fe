"""Read a sweep file and the base config it names, and plan every trial."""

from collections.abc import Sequence
from pathlib import Path

from imc_grapes.config.identity import file_digests
from imc_grapes.config.load import describe, parse_run_config, validate
from imc_grapes.config.overrides import apply_overrides
from imc_grapes.config.yaml_file import read_yaml
from imc_grapes.store.plan import SweepPlan
from imc_grapes.sweep.axes import axes_of
from imc_grapes.sweep.expand import expand
from imc_grapes.sweep.scale import at_scale, scaled_base, split_overrides
from imc_grapes.sweep.schema import SweepConfig
from kernels.errors import InputError, did_you_mean


def load_sweep(path: Path, overrides: Sequence[str] = ()) -> SweepPlan:
    """The plan of the sweep file at `path`, with every key of every trial checked.

    Args:
        path: a YAML file.
        overrides: ``key=value`` strings: ``scale=NAME`` chooses one of its scales, ``seeds=N`` is of the sweep, any
            other key of the base config.

    Raises:
        InputError: anything is wrong with the sweep file, the base config or a trial; the message lists the problems
            with their file, line and key.
    """
    asked = split_overrides(overrides)
    document = apply_overrides(at_scale(read_yaml(path), asked.scale), asked.sweep)
    config = validate(SweepConfig, document)
    base_path = path.parent / config.base
    if not base_path.exists():
        raise InputError(describe(document, ("base",), f"{base_path}: no such file"))
    base_document = scaled_base(read_yaml(base_path), document, config, asked)
    base = parse_run_config(base_document)
    axes = axes_of(config, document)
    trials = expand(config, document, axes, base_document, base)
    methods = list(dict.fromkeys(trial.method for trial in trials))
    if config.baseline is not None and config.baseline not in methods:
        hint = did_you_mean(config.baseline, methods)
        message = f"'{config.baseline}' is none of the methods: {', '.join(methods)}{hint}"
        raise InputError(describe(document, ("baseline",), message))
    return SweepPlan(
        name=path.stem if asked.scale is None else f"{path.stem}-{asked.scale}",
        question=config.question,
        source=path.read_text(encoding="utf-8"),
        base=base.model_dump(mode="json"),
        axes=axes.all,
        tune=axes.tune_key,
        baseline=config.baseline or methods[0],
        margin=config.margin,
        resources=config.resources,
        files={
            path: digest
            for one in (base, *(trial.config for trial in trials))
            for path, digest in file_digests(one).items()
        },
        trials=tuple(trials),
    )
