"""`imc-grapes presets`"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from imc_grapes.cli.console import output
from imc_grapes.cli.plugin_option import load_plugins
from kernels.errors import InputError

if TYPE_CHECKING:
    from crossbar.aihwkit_presets import AihwkitPreset
    from device_models.presets import Preset
    from device_models.registry import Entry, Registry


def presets(
    name: Annotated[
        str | None, typer.Argument(help="A device model or a preset: show all there is to know.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw the device model NAME into this file: .png, .svg, .pdf or .html."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not tables.")] = False,
) -> None:
    """List device models with parameters, units and sources, networks, data sets, readouts, and aihwkit's presets."""
    load_plugins()
    if plot is not None:
        _plot(name, plot)
    elif name is not None:
        _show_one(name, as_json=as_json)
    else:
        _list_all(as_json=as_json)


def _plot(name: str | None, file: Path) -> None:
    from imc_grapes.pictures.devices import save_device_pictures

    if name is None:
        raise InputError("--plot: needs the name of a device model, as in presets nandakumar2018")
    save_device_pictures(name, file)
    output.print(f"{name} drawn in {file}", highlight=False, soft_wrap=True)


def _show_one(name: str, *, as_json: bool) -> None:
    from crossbar.aihwkit_presets import all_presets, find_preset
    from device_models.presets import find_preset as find_device_model
    from device_models.presets import presets as device_models
    from device_models.registry import not_one_of

    if name in {model.name for model in device_models()}:
        model = find_device_model(name)
        _emit(model.as_dict(), _parameter_table(model), as_json=as_json)
    elif (found := _entry(name)) is not None:
        _emit(_entry_as_dict(found), _entry_table(found), as_json=as_json)
    elif name in all_presets():
        preset = find_preset(name)
        _emit(_as_dict(preset), _preset_table([preset]), as_json=as_json)
    else:
        known = [model.name for model in device_models()]
        known += [entry.name for registry in _other_registries() for entry in registry]
        raise InputError(
            f"{not_one_of(name, known, is_open=True)}; nor is it a preset of aihwkit: `imc-grapes presets` lists "
            "them all"
        )


def _list_all(*, as_json: bool) -> None:
    from crossbar.aihwkit_presets import all_presets
    from device_models.presets import presets as device_models

    models, listed = device_models(), list(all_presets().values())
    values = {
        "device_models": [model.as_dict() for model in models],
        **{
            registry.key: [_entry_as_dict(entry) for entry in registry]
            for registry in _other_registries()
        },
        "aihwkit": [_as_dict(preset) for preset in listed],
    }
    tables = Group(_model_table(models), "", _other_table(), "", _preset_table(listed))
    _emit(values, tables, as_json=as_json)


def _other_registries() -> list["Registry[Any]"]:
    """What else a config can name: networks, data sets, readouts, and what comes."""
    import imc_grapes.config  # noqa: F401 - whose sections bring their registries along
    from device_models.registry import Registry
    from device_models.statistics.base import STATISTICS
    from device_models.training import DEVICES

    return [one for one in Registry.all if one is not DEVICES and one is not STATISTICS]


def _entry(name: str) -> "Entry[Any] | None":
    return next((one.entry(name) for one in _other_registries() if name in one), None)


def _entry_as_dict(entry: "Entry[Any]") -> dict[str, Any]:
    keys = entry.value.model_json_schema().get("properties", {})
    return {
        "name": entry.name,
        "description": entry.description,
        "where": entry.where,
        "keys": {
            key: {"default": about.get("default"), "description": about.get("description", "")}
            for key, about in keys.items()
        },
    }


def _entry_table(entry: "Entry[Any]") -> Group:
    about = _entry_as_dict(entry)
    table = Table(title=f"{entry.name}: {entry.description}")
    for heading in ("key", "default", "meaning"):
        table.add_column(heading)
    for key, one in about["keys"].items():
        table.add_row(key, json.dumps(one["default"]), Text(one["description"]))
    return Group(table, Text(f"defined in {entry.where}"))


def _other_table() -> Table:
    table = Table(
        title="Networks, data sets and readouts; `imc-grapes presets NAME` shows the keys"
    )
    table.add_column("name", no_wrap=True)
    table.add_column("key", no_wrap=True)
    table.add_column("what it is")
    for registry in _other_registries():
        for entry in registry:
            table.add_row(entry.name, registry.key, Text(entry.description))
    return table


def _emit(values: Any, table: Group, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(values, indent=2))
    else:
        output.print(table)


def _as_dict(preset: "AihwkitPreset") -> dict[str, Any]:
    values = asdict(preset)
    del values["config_class"]
    return values


def _model_table(models: tuple["Preset", ...]) -> Table:
    table = Table(title="Our device models; `imc-grapes presets NAME` shows one whole")
    table.add_column("name", no_wrap=True)
    table.add_column("key", no_wrap=True)
    table.add_column("what it models")
    keys = {"inference": "hardware.statistics.preset", "training": "hardware.device.model"}
    for model in models:
        table.add_row(model.name, keys[model.kind], model.title)
    return table


def _parameter_table(model: "Preset") -> Group:
    sources = _Footnotes()
    table = Table(title=f"{model.name}: {model.title}")
    table.add_column("parameter", no_wrap=True)
    table.add_column("value", justify="right")
    table.add_column("unit", no_wrap=True)
    table.add_column("source", no_wrap=True)
    for parameter in model.parameters:
        unit = "" if parameter.unit == "1" else parameter.unit
        mark = sources.mark(parameter.source)
        table.add_row(parameter.name, _rounded(parameter.value), unit, mark)
    return Group(table, sources.listing())


def _preset_table(presets: list["AihwkitPreset"]) -> Group:
    references = _Footnotes()
    table = Table(title="Presets of aihwkit: hardware: {tile: aihwkit, preset: NAME}")
    table.add_column("preset", no_wrap=True)
    table.add_column("device")
    table.add_column("training", no_wrap=True)
    table.add_column("drift", no_wrap=True)
    table.add_column("reference", no_wrap=True)
    for preset in presets:
        marks = " ".join(references.mark(text) for text in preset.references)
        drift = "yes" if preset.drifts else "no"
        table.add_row(preset.name, preset.device, preset.training, drift, marks)
    return Group(table, references.listing())


class _Footnotes:
    """Numbers texts as they come up, and lists them below a table."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def mark(self, text: str) -> str:
        if text not in self._texts:
            self._texts.append(text)
        return f"({self._texts.index(text) + 1})"

    def listing(self) -> str:
        return "\n".join(f"({number}) {text}" for number, text in enumerate(self._texts, 1))


def _rounded(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
