"""`imc-grapes pictures`"""

from pathlib import Path
from typing import Annotated

import typer

from imc_grapes.cli.console import output
from imc_grapes.cli.plugin_option import load_plugins


def pictures(
    directory: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the pictures (default: DIRECTORY/pictures).")
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Folder searched first for data sets."),
    ] = None,
) -> None:
    """Draw one run: spikes and membrane potentials, music predicted and composed, the score as devices drift,
    the pulses that each device has had."""
    load_plugins()
    from imc_grapes.pictures.run import draw_run

    for file in draw_run(directory, out or directory / "pictures", data_dir):
        output.print(str(file), highlight=False, soft_wrap=True, markup=False)
