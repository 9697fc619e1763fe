"""`imc-grapes doctor`"""

import typer

from imc_grapes.cli.console import output


def doctor() -> None:
    """Check this machine: Python, torch, aihwkit (a real training step), Numba, data sets; say what to do."""
    from imc_grapes.doctor.checks import run_checks
    from imc_grapes.doctor.print_checks import exit_status, print_checks

    checks = run_checks()
    print_checks(checks, output)
    raise typer.Exit(exit_status(checks))
