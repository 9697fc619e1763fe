"""`imc-grapes results`"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from imc_grapes.cli.console import output
from imc_grapes.data.metric import Metric

if TYPE_CHECKING:
    from imc_grapes.store.reader import StoredSweep

_MOST_ROWS = 40


def results(
    directory: Annotated[Path, typer.Argument(help="The folder of a sweep.")],
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print every trial as CSV, a row each.")
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print every trial as JSON: config, summary, metrics, error."),
    ] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the comparison as Markdown, for a text.")
    ] = False,
    where: Annotated[
        list[str] | None,
        typer.Option(
            help="Only trials for which this holds, such as status=failed or training.optimizer.lr>0.1; repeatable."
        ),
    ] = None,
) -> None:
    """Show what a sweep has found so far, also while it runs."""
    if as_csv + as_json + as_markdown > 1:
        raise typer.BadParameter("--csv, --json and --markdown exclude each other")
    from dataclasses import replace

    from imc_grapes.store import read_sweep
    from imc_grapes.store.filter import matching

    stored = read_sweep(directory)
    chosen = replace(stored, trials=matching(stored.trials, where or []))
    if as_json:
        import json

        plain = [
            {**trial, "summary": trial["summary"] and trial["summary"].as_dict()}
            for trial in chosen.trials
        ]
        typer.echo(json.dumps(plain, indent=2))
    elif as_csv:
        from imc_grapes.store.frames import frame_of

        typer.echo(frame_of(chosen, "trials").to_csv(index=False), nl=False)
    elif as_markdown:
        from imc_grapes.report.analysis import analyse
        from imc_grapes.report.markdown import markdown
        from imc_grapes.report.statistics import method_results

        analysis = analyse(chosen)
        typer.echo(markdown(analysis, method_results(analysis)))
    else:
        _print(chosen, len(stored.trials))
        if chosen.with_status("done"):
            from imc_grapes.report.analysis import analyse
            from imc_grapes.report.statistics import method_results
            from imc_grapes.report.terminal import print_summary

            analysis = analyse(chosen)
            print_summary(analysis, method_results(analysis), output)


def _print(chosen: "StoredSweep", total: int) -> None:
    trials = chosen.trials
    statuses = [trial["status"] for trial in trials]
    counts = ", ".join(
        f"{statuses.count(status)} {status}" for status in dict.fromkeys(sorted(statuses))
    )
    of_total = "" if len(trials) == total else f" of {total}"
    output.print(f"{len(trials)}{of_total} trials: {counts or 'none'}", highlight=False)
    rows = [_cells(trial, chosen.metric) for trial in trials[:_MOST_ROWS]]
    table = Table()
    used = [heading for heading in (rows[0] if rows else {}) if any(row[heading] for row in rows)]
    for heading in used:
        table.add_column(heading, no_wrap=heading in ("trial", "status"))
    for row in rows:
        table.add_row(*(Text(row[heading]) for heading in used))
    if rows:
        output.print(table)
    if len(trials) > _MOST_ROWS:
        output.print(f"and {len(trials) - _MOST_ROWS} more; --csv lists them all")
    for trial in [trial for trial in trials if trial["error"]][:_MOST_ROWS]:
        output.print(
            f"{trial['hash']} failed: {trial['error'].splitlines()[0]}",
            style="red",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def _cells(trial: dict[str, Any], metric: Metric) -> dict[str, str]:
    """Heading to text; every trial has all headings, in the same order."""
    score = trial["summary"].score if trial["summary"] else None
    return {
        "trial": trial["hash"],
        "method": trial["method"],
        "setting": trial["setting"],
        "tuned": "" if trial["tuned"] is None else str(trial["tuned"]),
        "seed": str(trial["seed"]),
        "status": trial["status"],
        metric.under("test"): "" if score is None else metric.number(score, more_digits=1),
        "time (s)": "" if trial["seconds"] is None else f"{trial['seconds']:.1f}",
    }
