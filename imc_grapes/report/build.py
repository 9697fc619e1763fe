"""From a results file to a page and pictures."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from imc_grapes.report.analysis import Analysis, analyse
from imc_grapes.report.export import export
from imc_grapes.report.page import javascript_libraries, page
from imc_grapes.report.pictures import pictures
from imc_grapes.report.statistics import standings
from imc_grapes.store.reader import read_sweep

PAGE, FIGURES = "report.html", "figures"


@dataclass(frozen=True)
class ReportFiles:
    """What a report is made of."""

    page: Path
    figures: list[Path]
    analysis: Analysis


def build_report(directory: Path) -> ReportFiles:
    """Write the page and the pictures of the sweep in `directory` into it.

    Raises:
        InputError: there is no sweep, its file is damaged, or no trial is done.
    """
    with ThreadPoolExecutor(1) as beside:
        libraries = beside.submit(javascript_libraries)
        analysis = analyse(read_sweep(directory))
        found = standings(analysis)
        drawn = pictures(analysis, found)
        html = page(analysis, found, drawn, FIGURES, libraries.result())
    (directory / PAGE).write_text(html, encoding="utf-8")
    folder = directory / FIGURES
    folder.mkdir(exist_ok=True)
    figures = [path for picture in drawn for path in export(picture, folder)]
    return ReportFiles(directory / PAGE, figures, analysis)
