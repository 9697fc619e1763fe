"""``--set`` on a sweep, and the sizes at which a sweep file says it can be run."""

from collections.abc import Sequence
from dataclasses import dataclass

from imc_grapes.config import RunConfig
from imc_grapes.config.load import validate
from imc_grapes.config.overrides import apply_overrides
from imc_grapes.config.yaml_file import KeyPath, YamlDocument
from imc_grapes.store.plan import Setting
from imc_grapes.sweep.expand import resolve
from imc_grapes.sweep.schema import SweepConfig
from kernels.errors import InputError, did_you_mean

_SCALES = "scales"
_SWEEP_KEYS = ("seeds", "margin", "max_trials")


@dataclass(frozen=True)
class Overrides:
    """What ``--set`` asks of a sweep: of the sweep file, and of the base config."""

    scale: str | None
    sweep: tuple[str, ...]
    """Of the sweep file itself."""
    base: tuple[str, ...]
    """Of the run config that every trial starts from."""


def split_overrides(overrides: Sequence[str]) -> Overrides:
    """``scale=NAME`` chooses a scale, ``seeds``, ``margin`` and ``max_trials`` are of the sweep file, any other key is
    of the base.

    Raises:
        InputError: a key is none of these, but close to one.
    """
    named: dict[str, list[str]] = {"scale": [], "sweep": [], "base": []}
    for override in overrides:
        key = override.partition("=")[0].strip()
        kind = "scale" if key == "scale" else "sweep" if key in _SWEEP_KEYS else "base"
        if kind == "base":
            _refuse_misspelt(override, key)
        named[kind].append(override)
    scales = [override.partition("=")[2].strip() for override in named["scale"]]
    return Overrides(scales[-1] if scales else None, tuple(named["sweep"]), tuple(named["base"]))


def _refuse_misspelt(override: str, key: str) -> None:
    """A key that no base config has, and that is close to one of a sweep: the base would not know what was meant."""
    if key.partition(".")[0] in RunConfig.model_fields:
        return
    if hint := did_you_mean(key, ("scale", *_SWEEP_KEYS, *RunConfig.model_fields)):
        raise InputError(
            f"--set {override}: '{key}' is a key neither of the sweep nor of its base{hint}"
        )


def at_scale(document: YamlDocument, scale: str | None) -> YamlDocument:
    """The sweep file with the keys that `scale` replaces.

    Raises:
        InputError: the file is no sweep file, or has no scale of that name.
    """
    if scale is None:
        return document
    scales = validate(SweepConfig, document).scales
    if scale not in scales:
        known = f"its scales are: {', '.join(scales)}" if scales else "it has no scales"
        known += did_you_mean(scale, scales)
        raise InputError(f"--set scale={scale}: {document.source} has no such scale; {known}")
    values, lines = dict(document.values), dict(document.lines)
    path: KeyPath = (_SCALES, scale)
    for key in scales[scale].model_fields_set - {"set"}:
        values[key] = document.values[_SCALES][scale][key]
        lines = {known: line for known, line in lines.items() if known[:1] != (key,)}
        lines |= {
            known[len(path) :]: line
            for known, line in document.lines.items()
            if known[: len(path) + 1] == (*path, key)
        }
    return YamlDocument(values, document.source, lines, document.overrides)


def scaled_base(
    base: YamlDocument, document: YamlDocument, config: SweepConfig, overrides: Overrides
) -> YamlDocument:
    """The base config with what the scale of the sweep `config`, read from `document`, and the command line set."""
    scale = config.scales[overrides.scale] if overrides.scale is not None else None
    settings = [
        Setting(
            tuple(key.split(".")),
            value,
            document.where((_SCALES, str(overrides.scale), "set", key)),
        )
        for key, value in (scale.set if scale else {}).items()
    ]
    return apply_overrides(resolve(base, settings), overrides.base)
