"""The axes of a sweep: cases, zipped keys, the grid, and the key that each method may tune."""

from dataclasses import dataclass
from typing import Any

from imc_grapes.config.load import describe
from imc_grapes.config.yaml_file import KeyPath, YamlDocument
from imc_grapes.store.labels import is_method_key, joined, short_keys
from imc_grapes.store.plan import Axis, Choice, Role, Setting
from imc_grapes.sweep.schema import SweepConfig
from imc_grapes.sweep.values import choices
from kernels.errors import InputError, did_you_mean

CASE = "case"
DEFAULT_TUNED_KEY = "training.optimizer.lr"


@dataclass(frozen=True)
class Axes:
    """The axes in the order in which they are applied to the base config."""

    untuned: tuple[Axis, ...]
    tune: Axis | None
    tune_of_case: dict[str, Axis]
    """Where the values to tune over differ from case to case."""

    @property
    def all(self) -> tuple[Axis, ...]:
        """Every axis, the tuned one last."""
        return self.untuned if self.tune is None else (*self.untuned, self.tune)

    @property
    def tune_key(self) -> str | None:
        """The dotted key that is tuned, if one is."""
        return self.tune.name if self.tune else None


def axes_of(config: SweepConfig, document: YamlDocument) -> Axes:
    """The axes of a sweep file.

    Raises:
        InputError: values of the wrong form, zipped lists of different lengths, a key swept twice.
    """
    tune_key = _tune_key(config, document)
    for key in config.side_by_side:
        if key not in config.grid:
            raise InputError(
                describe(
                    document,
                    ("side_by_side",),
                    f"'{key}' is no key of the grid{did_you_mean(key, config.grid)}",
                )
            )
    zipped = _zipped(config, document)
    untuned = [axis for axis in (_cases(config, document), zipped) if axis]
    grid = {}
    for key, raw in config.grid.items():
        values = choices(key, raw, document, ("grid", key))
        compared = is_method_key(key) and key not in config.side_by_side
        grid[key] = Axis(key, "method" if compared else "setting", values)
    untuned += [axis for key, axis in grid.items() if key != tune_key]
    tune, of_case = _tuned(config, document, tune_key, grid)
    _refuse_overlaps([*untuned, *([tune] if tune else [])], zipped)
    return Axes(tuple(untuned), tune, of_case)


def _cases(config: SweepConfig, document: YamlDocument) -> Axis | None:
    if not config.cases:
        return None
    cases = []
    for name, keys in config.cases.items():
        settings = tuple(
            Setting(tuple(key.split(".")), value, document.where(("cases", name, key)))
            for key, value in keys.items()
        )
        cases.append(Choice(name, name, settings))
    swept = [key for keys in config.cases.values() for key in keys]
    role = "method" if config.baseline in config.cases else _role(swept)
    return Axis(CASE, role, tuple(cases))


def _zipped(config: SweepConfig, document: YamlDocument) -> Axis | None:
    if not config.zip:
        return None
    columns = {key: choices(key, raw, document, ("zip", key)) for key, raw in config.zip.items()}
    lengths = {key: len(values) for key, values in columns.items()}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{key} has {count}" for key, count in lengths.items())
        message = f"the lists must be of one length, but {counts}"
        raise InputError(describe(document, ("zip",), message))
    short = short_keys(list(columns))
    zipped = []
    for together in zip(*columns.values(), strict=True):
        label = joined(
            f"{short[key]} {choice.label}" for key, choice in zip(columns, together, strict=True)
        )
        settings = tuple(setting for choice in together for setting in choice.settings)
        zipped.append(Choice(label, label, settings))
    return Axis(" + ".join(columns), _role(list(columns)), tuple(zipped))


def _role(keys: list[str]) -> Role:
    return "method" if any(map(is_method_key, keys)) else "setting"


def _tune_key(config: SweepConfig, document: YamlDocument) -> str | None:
    if config.tune is None:
        is_tuned = DEFAULT_TUNED_KEY in config.grid and DEFAULT_TUNED_KEY not in config.side_by_side
        return DEFAULT_TUNED_KEY if is_tuned else None
    if isinstance(config.tune, str):
        if config.tune in config.side_by_side:
            message = f"'{config.tune}' stands in side_by_side too: it is either tuned or shown side by side"
            raise InputError(describe(document, ("tune",), message))
        if config.tune not in config.grid:
            hint = did_you_mean(config.tune, config.grid)
            hint = hint or f"; give its values too: {{{config.tune}: [...]}}"
            message = f"'{config.tune}' is no key of the grid{hint}"
            raise InputError(describe(document, ("tune",), message))
        return config.tune
    if len(config.tune) != 1:
        message = f"must hold one key (got {len(config.tune)})"
        raise InputError(describe(document, ("tune",), message))
    return next(iter(config.tune))


def _tuned(
    config: SweepConfig, document: YamlDocument, key: str | None, grid: dict[str, Axis]
) -> tuple[Axis | None, dict[str, Axis]]:
    if key is None:
        return None, {}
    if not isinstance(config.tune, dict):
        return Axis(key, "tune", grid[key].choices), {}
    raw, path = config.tune[key], ("tune", key)
    if key in grid:
        raise InputError(describe(document, path, "stands in the grid too; give it once"))
    if not _is_per_case(raw, config):
        return Axis(key, "tune", choices(key, raw, document, path)), {}
    of_case = _tuned_per_case(key, raw, config, document, path)
    together = {choice.label: choice for axis in of_case.values() for choice in axis.choices}
    return Axis(key, "tune", tuple(together.values())), of_case


def _is_per_case(raw: Any, config: SweepConfig) -> bool:
    return (
        isinstance(raw, dict) and bool(config.cases) and any(name in config.cases for name in raw)
    )


def _tuned_per_case(
    key: str, raw: dict[str, Any], config: SweepConfig, document: YamlDocument, path: KeyPath
) -> dict[str, Axis]:
    for name in raw:
        if name not in config.cases:
            hint = did_you_mean(name, config.cases)
            message = f"is none of the cases: {', '.join(config.cases)}{hint}"
            raise InputError(describe(document, (*path, name), message))
    missing = [name for name in config.cases if name not in raw]
    if missing:
        message = f"gives no values for the case {', '.join(missing)}"
        raise InputError(describe(document, path, message))
    return {
        name: Axis(key, "tune", choices(key, values, document, (*path, name)))
        for name, values in raw.items()
    }


def _refuse_overlaps(axes: list[Axis], zipped: Axis | None) -> None:
    """No axis may set what an earlier one has set, nor a section that an earlier one reached into.

    Nor may one reach into a section that is zipped: its values stand beside those of other keys, and would be others.
    """
    seen: list[tuple[Setting, Axis]] = []
    for axis in axes:
        for setting in {
            setting.key: setting for c in axis.choices for setting in c.settings
        }.values():
            for earlier, other in seen:
                undone = earlier.key[: len(setting.key)] == setting.key
                undone |= other is zipped and setting.key[: len(earlier.key)] == earlier.key
                if other is not axis and undone:
                    name = ".".join(map(str, setting.key))
                    message = f"would undo what {earlier.where} sets; sweep each key in one place"
                    raise InputError(f"{setting.where}: {name}: {message}")
        seen += [(setting, axis) for choice in axis.choices for setting in choice.settings]
