"""Every picture that a sweep has the data for, in the order of the page."""

from imc_grapes.pictures.picture import Picture
from imc_grapes.report.analysis import Analysis
from imc_grapes.report.charts.final_score import final_score_picture
from imc_grapes.report.charts.heat_map import heat_map_picture
from imc_grapes.report.charts.learning_curves import learning_curves_picture
from imc_grapes.report.charts.pareto import pareto_picture
from imc_grapes.report.charts.score_over_time import score_over_time_picture
from imc_grapes.report.charts.swept_setting import swept_setting_picture
from imc_grapes.report.charts.tasks_learned import tasks_learned_picture
from imc_grapes.report.charts.tuning_curve import tuning_picture
from imc_grapes.report.charts.update_memory import update_memory_picture
from imc_grapes.report.statistics import MethodResult


def pictures(analysis: Analysis, results: list[MethodResult]) -> list[Picture]:
    """The pictures of a sweep."""
    candidates = [
        score_over_time_picture(analysis),
        final_score_picture(analysis, results),
        swept_setting_picture(analysis),
        heat_map_picture(analysis),
        update_memory_picture(analysis, results),
        pareto_picture(analysis, results),
        tuning_picture(analysis),
        learning_curves_picture(analysis),
        tasks_learned_picture(analysis),
    ]
    return [picture for picture in candidates if picture is not None]
