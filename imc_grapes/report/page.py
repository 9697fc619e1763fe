"""The report page: one HTML file that needs nothing from anywhere."""

import json
from importlib import resources
from itertools import groupby
from typing import Any

import jinja2
from markupsafe import Markup

from imc_grapes.config.yaml_file import dump_yaml
from imc_grapes.pictures.palette import colours
from imc_grapes.pictures.picture import Picture
from imc_grapes.report.analysis import Analysis
from imc_grapes.report.statistics import MethodResult
from imc_grapes.report.table import summary_table
from imc_grapes.report.trial_rows import COLUMNS, trial_rows
from imc_grapes.report.words import answer

_MOST_ANSWERS = 6
_TEMPLATE = resources.files("imc_grapes.report") / "template"


def page(
    analysis: Analysis,
    results: list[MethodResult],
    drawn: list[Picture],
    figures: str,
    libraries: str,
) -> str:
    """The page as HTML.

    Args:
        analysis: the sweep.
        results: one per method and hardware.
        drawn: the pictures, in their order on the page.
        figures: where the picture files are, relative to the page.
        libraries: the scripts that draw the pictures.
    """
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(_part("page.html"))
    sweep = analysis.sweep
    return template.render(
        sweep=sweep,
        analysis=analysis,
        counts={
            status: len(sweep.with_status(status))
            for status in ("done", "failed", "running", "pending")
        },
        answers=_answers(analysis, results),
        table=summary_table(analysis, results, is_wide=True),
        colours=dict(
            zip(analysis.series, colours(analysis.series, analysis.baseline), strict=True)
        ),
        pictures=drawn,
        figures=figures,
        failures=_failures(analysis),
        base=dump_yaml(sweep.base),
        versions=_versions(analysis),
        data=_script_data(
            {
                "pictures": {picture.name: picture.spec for picture in drawn},
                "trials": {"columns": COLUMNS, "rows": trial_rows(analysis)},
            }
        ),
        style=Markup(_part("page.css")),
        script=Markup(_part("page.js")),
        libraries=Markup(libraries.replace("</script", "<\\/script")),
    )


def _part(name: str) -> str:
    return (_TEMPLATE / name).read_text(encoding="utf-8")


def _answers(analysis: Analysis, results: list[MethodResult]) -> list[tuple[str, list[str]]]:
    """Per hardware, up to a number that can be read: its name and the sentences about it."""
    by_facet = [
        (analysis.facet_name(facet), answer(analysis, list(on_facet)))
        for facet, on_facet in groupby(results, key=lambda one: one.facet)
    ]
    return by_facet[:_MOST_ANSWERS]


def _failures(analysis: Analysis) -> list[tuple[str, int]]:
    """First lines of the errors, with how many trials have each."""
    lines = [trial["error"].splitlines()[0] for trial in analysis.sweep.with_status("failed")]
    return sorted(((line, lines.count(line)) for line in set(lines)), key=lambda pair: -pair[1])


def _versions(analysis: Analysis) -> list[tuple[str, str]]:
    """Each package with the version, or versions, that the trials ran with."""
    versions_of: dict[str, dict[str, None]] = {}
    for trial in analysis.sweep.with_status("done"):
        for package, version in trial["versions"].items():
            versions_of.setdefault(package, {})[version] = None
    return [(package, ", ".join(versions)) for package, versions in versions_of.items()]


def _script_data(data: Any) -> Markup:
    """JSON that is safe inside a script element."""
    return Markup(json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"))
