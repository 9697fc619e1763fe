"""`imc-grapes report`"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from imc_grapes.cli.console import output


def report(
    directory: Annotated[Path, typer.Argument(help="The folder of a sweep.")],
) -> None:
    """Make the report of a sweep anew from its results: report.html, and every picture as PNG, SVG and PDF."""
    build_and_print(directory, output)


def build_and_print(directory: Path, console: Console) -> None:
    """Write the report of the sweep in `directory`, print its answer and say which files to open."""
    from imc_grapes.report import build_report
    from imc_grapes.report.terminal import print_summary

    with console.status("Drawing the report"):
        files = build_report(directory)
    print_summary(files.analysis, files.results, console)
    pictures = " and ".join(str(path) for path in files.figures if path.suffix == ".png")
    console.print(
        Text(
            f"Open {files.page}; its pictures are in {files.figures[0].parent} as PNG, SVG and PDF."
            if pictures
            else f"Open {files.page}"
        ),
        soft_wrap=True,
    )
