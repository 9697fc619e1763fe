"""`imc-grapes`: the commands, and what their exit status means.

0: done. 1: a failure while running. 2: bad input, with one message. 130: stopped by Ctrl-C.
"""

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from imc_grapes.cli import (
    doctor,
    footprint,
    pictures,
    presets,
    report,
    results,
    run,
    schema,
    sensitivity,
    sweep,
)
from imc_grapes.cli.console import errors
from imc_grapes.cli.plugin_option import ask_for
from kernels.errors import InputError


class _Commands(TyperGroup):
    """The commands; an option of all of them that stands behind one is told where it belongs."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            if getattr(error, "option_name", None) == "--plugin":
                raise InputError(
                    "--plugin: stands before the command, as in imc-grapes --plugin FILE run CONFIG"
                ) from None
            raise


app = typer.Typer(
    cls=_Commands,
    name="imc-grapes",
    help="Train and evaluate neural networks on simulated phase-change-memory crossbars.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _plugins(
    plugin: Annotated[
        list[str] | None,
        typer.Option(
            help="A Python file, a folder with an __init__.py, or a module that registers networks, data sets, "
            "devices, statistics or readouts of your own; repeatable. Also: the variable IMC_GRAPES_PLUGINS.",
        ),
    ] = None,
) -> None:
    """Train and evaluate neural networks on simulated phase-change-memory crossbars."""
    ask_for(plugin or [])


app.command("run")(run.run)
app.command("sweep")(sweep.sweep)
app.command("results")(results.results)
app.command("footprint")(footprint.footprint)
app.command("sensitivity")(sensitivity.sensitivity)
app.command("report")(report.report)
app.command("pictures")(pictures.pictures)
app.command("presets")(presets.presets)
app.command("schema")(schema.schema)
app.command("doctor")(doctor.doctor)


def main() -> None:
    """Run the command that the command line names."""
    try:
        app(prog_name="imc-grapes")
    except InputError as error:
        errors.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)
