"""`imc-grapes footprint`"""

import json
from pathlib import Path
from typing import Annotated

import typer

from imc_grapes.cli.console import errors, output
from imc_grapes.cli.plugin_option import load_plugins


def footprint(
    config: Annotated[Path, typer.Argument(help="A run config in YAML, on PCM tiles.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything as JSON; pictures only with --out.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the pictures (default: footprint/NAME).")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="Set a key, as in --set data.batch_size=1; repeatable."),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Folder searched first for data sets."),
    ] = None,
    updates: Annotated[
        int, typer.Option(min=2, help="Updates of each method whose pulses are counted.")
    ] = 100,
    after: Annotated[
        int, typer.Option(min=0, help="Updates of training before those, of each method.")
    ] = 500,
    run: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="Folder of a run of this config, whose network every method trains on from.",
        ),
    ] = None,
    constants: Annotated[
        Path | None,
        typer.Option(
            help="YAML file of own constants, in the form of crossbar/costs/constants.yaml, each with its source; the "
            "others stay."
        ),
    ] = None,
    node: Annotated[
        int | None,
        typer.Option(
            help="Node in nm (65, 45, 40, 32, 22, 14 or 7) that the file's energies of digital circuits are scaled to; "
            "default 14. Devices, converters, times and areas are not scaled, nor own constants."
        ),
    ] = None,
) -> None:
    """Compare what GRAPES and the optimizers add to a training step: memory, energy and time, on the chip and here."""
    load_plugins()
    from imc_grapes.config import load_run_config
    from imc_grapes.config.yaml_file import read_yaml

    resolved = load_run_config(config, overrides or [])
    own = read_yaml(constants).values if constants else None

    from imc_grapes.experiment.footprint import measure_footprint

    with errors.status("Training with each method in a process of its own"):
        found = measure_footprint(resolved, data_dir, updates, after, run, own, node)
    if as_json:
        from imc_grapes.experiment.footprint.as_json import footprint_as_json

        typer.echo(json.dumps(footprint_as_json(found), indent=2))
    else:
        from imc_grapes.cli.footprint_table import print_footprint

        print_footprint(found, output)
    if as_json and out is None:
        return
    from imc_grapes.pictures.footprint.pictures import draw_footprint
    from imc_grapes.pictures.quantities import as_file_name

    folder = out or Path("footprint") / as_file_name(resolved.name)
    for file in draw_footprint(found, folder):
        errors.print(str(file), highlight=False, soft_wrap=True, markup=False)
