"""How much of earlier tasks a network still knows.

Chaudhry, Dokania, Ajanthan, Torr, *Riemannian walk for incremental learning*, ECCV 2018, section 3.
"""

from statistics import fmean

import numpy as np
import numpy.typing as npt

from kernels.errors import InputError


def average_accuracy(accuracies: npt.ArrayLike) -> float:
    """Mean over all tasks after the last one was trained.

    Args:
        accuracies: ``[tasks, tasks]``: in row k, on every task, after task k was trained.

    Raises:
        InputError: the matrix is not square, or of fewer than 2 tasks.
    """
    return fmean(_square(accuracies)[-1])


def forgetting(accuracies: npt.ArrayLike) -> float:
    """Mean over all tasks but the last of the best accuracy before the last task less that at the end.

    ``F = mean_j(max_l a[l, j] - a[K, j])`` with j and l from 1 to K - 1; below 0 where later tasks helped.

    Args:
        accuracies: ``[tasks, tasks]``: in row k, on every task, after task k was trained.

    Raises:
        InputError: the matrix is not square, or of fewer than 2 tasks.
    """
    matrix = _square(accuracies)
    best = matrix[:-1, :-1].max(0)
    return float((best - matrix[-1, :-1]).mean())


def _square(accuracies: npt.ArrayLike) -> npt.NDArray[np.float64]:
    matrix = np.asarray(accuracies, np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 2:
        raise InputError(
            f"accuracies: must be [tasks, tasks] of 2 tasks or more (got {matrix.shape})"
        )
    return matrix
