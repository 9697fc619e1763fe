"""From a results file to a page and pictures."""

from dataclasses import dataclass
from pathlib import Path

from imc_grapes.pictures.beside import DrawingProcess
from imc_grapes.report.analysis import Analysis, analyse
from imc_grapes.report.page import page
from imc_grapes.report.pictures import pictures
from imc_grapes.report.statistics import MethodResult, method_results
from imc_grapes.store.reader import read_sweep

PAGE, FIGURES = "report.html", "figures"


@dataclass(frozen=True)
class ReportFiles:
    """What a report is made of."""

    page: Path
    figures: list[Path]
    analysis: Analysis
    results: list[MethodResult]


def build_report(directory: Path) -> ReportFiles:
    """Write the page and the pictures of the sweep in `directory` into it.

    Raises:
        InputError: there is no sweep, its file is damaged, or no trial is done.
    """
    with DrawingProcess() as one, DrawingProcess() as other:
        one.ask_for_libraries()
        analysis = analyse(read_sweep(directory))
        results = method_results(analysis)
        drawn = pictures(analysis, results)
        folder = directory / FIGURES
        folder.mkdir(exist_ok=True)
        other.ask_for_files(drawn[1::2], folder)
        libraries = one.libraries()
        one.ask_for_files(drawn[::2], folder)
        html = page(analysis, results, drawn, FIGURES, libraries)
        (directory / PAGE).write_text(html, encoding="utf-8")
        figures = sorted([*one.files(), *other.files()])
    return ReportFiles(directory / PAGE, figures, analysis, results)
