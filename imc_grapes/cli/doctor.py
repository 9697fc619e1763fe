"""`imc-grapes doctor`"""

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from imc_grapes.cli.console import output
from imc_grapes.doctor.check import Check


def doctor() -> None:
    """Check this machine: Python, torch, aihwkit (a real training step), Numba, data sets; say what to do."""
    from imc_grapes.doctor.checks import run_checks

    checks = run_checks()
    print_checks(checks, output)
    raise typer.Exit(exit_status(checks))


def print_checks(checks: list[Check], console: Console) -> None:
    """Print a line per check, below it what to do about it, and at the end what it comes to."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for check in checks:
        mark = Text("ok", style="green") if check.ok else Text("FAILED", style="bold red")
        table.add_row(mark, Text(check.name), Text(check.detail))
        if check.remedy:
            table.add_row("", "", Text(f"-> {check.remedy}", style="dim" if check.ok else "bold"))
    console.print(table)
    failed = [check.name for check in checks if not check.ok]
    if failed:
        console.print(Text(f"{len(failed)} of {len(checks)} checks failed: {', '.join(failed)}"))
    else:
        console.print("All is well.")


def exit_status(checks: list[Check]) -> int:
    """Return 0 if all checks passed, else 1."""
    return 0 if all(check.ok for check in checks) else 1
