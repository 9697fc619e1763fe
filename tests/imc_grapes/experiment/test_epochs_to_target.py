import pytest

from imc_grapes.experiment.learning import epochs_to_target


@pytest.mark.parametrize(("target", "epochs"), [(0.4, 1), (0.8, 2), (0.85, 4), (0.95, None)])
def test_the_first_epoch_that_is_good_enough(target, epochs):
    assert epochs_to_target([0.5, 0.8, 0.7, 0.9], target) == epochs
