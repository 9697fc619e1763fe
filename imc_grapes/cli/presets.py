"""`imc-grapes presets`"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.table import Table

from imc_grapes.cli.console import output
from kernels.errors import InputError

if TYPE_CHECKING:
    from device_models.presets import Preset
    from imc_grapes.hardware.aihwkit_presets import AihwkitPreset


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
    """List the device models, with parameters, units and sources, and the presets of aihwkit."""
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
    from device_models.presets import find_preset as find_device_model
    from device_models.presets import presets as device_models
    from imc_grapes.hardware.aihwkit_presets import all_presets, find_preset

    if name in {model.name for model in device_models()}:
        model = find_device_model(name)
        _emit(model.as_dict(), _parameter_table(model), as_json=as_json)
    elif name in all_presets():
        preset = find_preset(name)
        _emit(_as_dict(preset), _preset_table([preset]), as_json=as_json)
    else:
        models = ", ".join(model.name for model in device_models())
        raise InputError(
            f"'{name}' is neither a device model ({models}) nor a preset of aihwkit; "
            "`imc-grapes presets` lists them all"
        )


def _list_all(*, as_json: bool) -> None:
    from device_models.presets import presets as device_models
    from imc_grapes.hardware.aihwkit_presets import all_presets

    models, listed = device_models(), list(all_presets().values())
    values = {
        "device_models": [model.as_dict() for model in models],
        "aihwkit": [_as_dict(preset) for preset in listed],
    }
    _emit(values, Group(_model_table(models), "", _preset_table(listed)), as_json=as_json)


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
