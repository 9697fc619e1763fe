import io

import pytest
from rich.console import Console

from imc_grapes.cli.doctor import exit_status, print_checks
from imc_grapes.doctor.check import Check

GOOD = Check("torch", True, "2.13.0, [not markup]")
BAD = Check("aihwkit", False, "undefined symbol", "make setup")


def printed(checks):
    console = Console(file=io.StringIO(), width=100)
    print_checks(checks, console)
    return console.file.getvalue()


def test_a_failure_is_shown_with_what_to_do():
    text = printed([GOOD, BAD])
    assert "FAILED" in text
    assert "-> make setup" in text
    assert "[not markup]" in text
    assert "1 of 2 checks failed: aihwkit" in text


def test_all_is_well():
    text = printed([GOOD])
    assert "FAILED" not in text
    assert text.endswith("All is well.\n")


@pytest.mark.parametrize(("checks", "status"), [([GOOD], 0), ([GOOD, BAD], 1)])
def test_the_exit_status(checks, status):
    assert exit_status(checks) == status
