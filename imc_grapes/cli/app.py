"""`imc-grapes`: the commands, and what their exit status means.

0: done. 1: a failure while running. 2: bad input, with one message. 130: stopped by Ctrl-C.
"""

import errno
import sqlite3
import sys
from typing import Annotated, Any, NoReturn

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

_OF_DISKS = (
    errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOENT, errno.ENOSPC, errno.ENOTDIR, errno.EPERM,
    errno.EROFS,
)  # fmt: skip
"""A full, vanished or read-only folder is for the user to mend, and no fault of ours to trace."""


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
        _end(str(error))
    except OSError as error:
        if error.errno not in _OF_DISKS:
            raise
        _end(f"{error.filename or 'a file'}: {error.strerror}")
    except sqlite3.OperationalError as error:
        _end(f"the file of results: {error}; what is in it is kept, and the same command goes on")


def _end(message: str) -> NoReturn:
    errors.print(f"error: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(2)
