import pytest

from imc_grapes import InputError
from imc_grapes.experiment.forgetting import average_accuracy, forgetting

MATRIX = [[0.9, 0.1, 0.2], [0.95, 0.8, 0.1], [0.6, 0.85, 0.7]]


def test_forgetting_is_the_best_before_the_last_task_less_the_end():
    assert forgetting(MATRIX) == pytest.approx(((0.95 - 0.6) + (0.8 - 0.85)) / 2)


def test_the_average_is_over_all_tasks_at_the_end():
    assert average_accuracy(MATRIX) == pytest.approx((0.6 + 0.85 + 0.7) / 3)


@pytest.mark.parametrize("matrix", [[[0.5]], [[0.5, 0.4]], [0.1, 0.2]])
def test_anything_but_a_square_is_an_error(matrix):
    for measure in (average_accuracy, forgetting):
        with pytest.raises(InputError, match="tasks, tasks"):
            measure(matrix)
