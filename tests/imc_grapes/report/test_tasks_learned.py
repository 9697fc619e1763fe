import pytest

from imc_grapes.report.analysis import analyse
from imc_grapes.report.charts.tasks_learned import tasks_learned_picture
from imc_grapes.store import read_sweep


def test_only_tasks_learned_so_far_count(filled, four_methods):
    learning = {"task_accuracies": [[0.9, 0.2], [0.6, 0.8]], "forgetting": 0.3}
    out = filled(four_methods + "seeds: 2\n", lambda t: 0.7, times_s=(), learning=learning)
    picture = tasks_learned_picture(analyse(read_sweep(out)))
    points = [row for row in picture.spec["data"]["values"] if row["series"] == "GRAPES"]
    assert [row["after_task"] for row in points] == [1, 2]
    assert [row["score"] for row in points] == pytest.approx([90.0, 70.0])


def test_one_task_has_no_such_picture(filled, four_methods):
    out = filled(four_methods, lambda t: 0.7, times_s=())
    assert tasks_learned_picture(analyse(read_sweep(out))) is None
