"""How slowly a network learns, from its accuracy epoch by epoch."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import OptimizeWarning, curve_fit

from kernels.errors import InputError

MIN_EPOCHS = 3
"""One more than the parameters of the fit, which otherwise has no error."""

_LOWEST = -0.99
"""A slowness of -1 would put the curve's pole into the first epoch."""


@dataclass(frozen=True)
class Slowness:
    """The fit of ``acc(e) = acc_max e / (slowness + e)``."""

    slowness: float
    """Epochs until half of `accuracy_max`; lower is faster, and below 0 a curve falls."""
    slowness_error: float
    """Standard error of the fit."""
    accuracy_max: float
    """Where the fit tends to; a fraction."""
    accuracy_max_error: float
    rmse: float
    """Root of the mean squared distance of the accuracies from the fit."""


def fit_slowness(accuracies: Sequence[float]) -> Slowness | None:
    """Least-squares fit of ``acc(e) = acc_max e / (slowness + e)`` over epochs e counted from 1.

    The measure is that of Dellaferrera et al., Nat. Commun. 13, 1885 (2022); which of their curves the authors fitted
    is unverified, and this project fits test accuracy.

    Args:
        accuracies: one per epoch, fractions.

    Returns:
        None where no such curve can be fitted.

    Raises:
        InputError: there are fewer than 3 epochs, or an accuracy is no fraction.
    """
    measured = np.asarray(accuracies, np.float64)
    if len(measured) < MIN_EPOCHS:
        raise InputError(
            f"accuracies: slowness needs {MIN_EPOCHS} epochs or more (got {len(measured)})"
        )
    if not ((measured >= 0.0) & (measured <= 1.0)).all():
        raise InputError("accuracies: must be fractions from 0 to 1")
    if not measured.any():
        return None
    epochs = np.arange(1.0, len(measured) + 1)
    start = (float(measured.max()), 0.5)
    try:
        with warnings.catch_warnings():
            # Raised where the covariance cannot be estimated: the fit then has no error to state.
            warnings.simplefilter("error", OptimizeWarning)
            fitted, covariance = curve_fit(
                _curve, epochs, measured, start, bounds=((0.0, _LOWEST), (np.inf, np.inf))
            )
    except (RuntimeError, OptimizeWarning):
        return None
    errors = np.sqrt(np.diag(covariance))
    at_pole = fitted[1] <= _LOWEST + 1e-6
    if at_pole or not (np.isfinite(fitted).all() and np.isfinite(errors).all()):
        return None
    residuals = measured - _curve(epochs, *fitted)
    return Slowness(
        slowness=float(fitted[1]),
        slowness_error=float(errors[1]),
        accuracy_max=float(fitted[0]),
        accuracy_max_error=float(errors[0]),
        rmse=math.sqrt(float((residuals**2).mean())),
    )


def _curve(
    epochs: npt.NDArray[np.float64], accuracy_max: float, slowness: float
) -> npt.NDArray[np.float64]:
    return accuracy_max * epochs / (slowness + epochs)
