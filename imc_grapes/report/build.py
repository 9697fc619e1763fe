"""From a results file to a page and pictures."""

from dataclasses import dataclass
from pathlib import Path

from imc_grapes.pictures.beside import DrawingProcess
from imc_grapes.pictures.picture import Picture
from imc_grapes.report.analysis import Analysis, analyse
from imc_grapes.report.charts.final_score import final_score_picture
from imc_grapes.report.charts.heat_map import heat_map_picture
from imc_grapes.report.charts.learning_curves import learning_curves_picture
from imc_grapes.report.charts.pareto import pareto_pictures
from imc_grapes.report.charts.score_over_time import score_over_time_picture
from imc_grapes.report.charts.swept_setting import swept_setting_picture
from imc_grapes.report.charts.tasks_learned import tasks_learned_picture
from imc_grapes.report.charts.tuning_curve import tuning_picture
from imc_grapes.report.charts.update_memory import update_memory_picture
from imc_grapes.report.page import page
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


def pictures(analysis: Analysis, results: list[MethodResult]) -> list[Picture]:
    """The pictures of a sweep."""
    candidates = [
        score_over_time_picture(analysis),
        final_score_picture(analysis, results),
        swept_setting_picture(analysis),
        heat_map_picture(analysis),
        update_memory_picture(analysis, results),
        *pareto_pictures(analysis, results),
        tuning_picture(analysis),
        learning_curves_picture(analysis),
        tasks_learned_picture(analysis),
    ]
    return [picture for picture in candidates if picture is not None]
