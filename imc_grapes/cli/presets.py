"""`imc-grapes presets`"""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.table import Table

from imc_grapes.cli.console import output

if TYPE_CHECKING:
    from imc_grapes.hardware.aihwkit_presets import AihwkitPreset


def presets(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not a table.")] = False,
) -> None:
    """List the presets of aihwkit that `hardware.preset` takes."""
    from imc_grapes.hardware.aihwkit_presets import all_presets

    listed = all_presets().values()
    if as_json:
        rows = []
        for preset in listed:
            row = asdict(preset)
            del row["config_class"]
            rows.append(row)
        typer.echo(json.dumps(rows, indent=2))
        return
    output.print(_table(list(listed)))


def _table(presets: list["AihwkitPreset"]) -> Group:
    references = list(dict.fromkeys(text for preset in presets for text in preset.references))
    table = Table(title="Presets of aihwkit: hardware: {tile: aihwkit, preset: NAME}")
    table.add_column("preset", no_wrap=True)
    table.add_column("device")
    table.add_column("training", no_wrap=True)
    table.add_column("drift", no_wrap=True)
    table.add_column("reference", no_wrap=True)
    for preset in presets:
        numbers = " ".join(f"({references.index(text) + 1})" for text in preset.references)
        drift = "yes" if preset.drifts else "no"
        table.add_row(preset.name, preset.device, preset.training, drift, numbers)
    listing = "\n".join(f"({number}) {text}" for number, text in enumerate(references, 1))
    return Group(table, listing)
