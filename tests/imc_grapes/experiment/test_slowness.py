import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imc_grapes import InputError
from imc_grapes.experiment.slowness import fit_slowness


@given(slowness=st.floats(0.02, 8), most=st.floats(0.2, 0.99), epochs=st.integers(3, 40))
@settings(max_examples=40, deadline=None)
def test_a_curve_of_that_form_gives_back_its_parameters(slowness, most, epochs):
    e = np.arange(1, epochs + 1)
    fit = fit_slowness(most * e / (slowness + e))
    assert fit.slowness == pytest.approx(slowness, rel=1e-3, abs=1e-4)
    assert fit.accuracy_max == pytest.approx(most, rel=1e-3)
    assert fit.rmse < 1e-4


def test_the_stated_errors_are_the_spread_over_repetitions():
    rng = np.random.default_rng(0)
    e = np.arange(1, 21)
    fits = [fit_slowness(0.9 * e / (0.5 + e) + 0.004 * rng.standard_normal(20)) for _ in range(150)]
    spread = np.std([fit.slowness for fit in fits], ddof=1)
    assert np.mean([fit.slowness_error for fit in fits]) == pytest.approx(spread, rel=0.25)
    assert np.mean([fit.slowness for fit in fits]) == pytest.approx(0.5, abs=spread)
    assert np.mean([fit.rmse for fit in fits]) == pytest.approx(0.004, rel=0.2)


@pytest.mark.parametrize("accuracies", [[0.0] * 5, [1.0, 0.0, 0.0, 0.0]], ids=["none", "falls"])
def test_what_is_no_such_curve_has_no_slowness(accuracies):
    assert fit_slowness(accuracies) is None


@pytest.mark.parametrize("accuracies", [[0.1] * 3, [0.1, 0.2, 0.3, 0.4], [0.9, 0.5, 0.95]])
def test_any_curve_has_finite_numbers_or_none(accuracies):
    fit = fit_slowness(accuracies)
    assert fit is None or np.isfinite(list(vars(fit).values())).all()


@pytest.mark.parametrize(
    ("accuracies", "message"),
    [([0.5, 0.6], "3 epochs or more"), ([0.5, 1.2, 0.6], "fractions"), ([np.nan] * 3, "fractions")],
)
def test_what_cannot_be_fitted_is_an_error(accuracies, message):
    with pytest.raises(InputError, match=message):
        fit_slowness(accuracies)
