"""Global drift compensation: one factor per array makes up for the mean decay of its conductances.

The summed current of an array is measured right after programming and again when it is used; the
outputs are multiplied by the ratio (V. Joshi et al., Nat. Commun. 11, 2473 (2020)). It restores the
mean. The spread of the drift exponents stays.
"""

import numpy as np
from numpy.typing import ArrayLike

from kernels.errors import InputError


def drift_compensation_factor(g_reference_uS: ArrayLike, g_now_uS: ArrayLike) -> float:
    """The factor that brings the summed conductance back to its reference.

    Args:
        g_reference_uS: conductances read right after programming, any shape, µS.
        g_now_uS: the same devices now, same shape, µS.

    Returns:
        `sum(reference) / sum(now)`.

    Raises:
        InputError: the shapes differ, or nothing conducts now.
    """
    reference, now = np.asarray(g_reference_uS), np.asarray(g_now_uS)
    if reference.shape != now.shape:
        raise InputError(
            f"g_now_uS: shape {now.shape} is not that of the reference {reference.shape}"
        )
    total = float(now.sum(dtype=np.float64))
    if not total > 0.0:
        raise InputError("g_now_uS: no device conducts, so drift cannot be compensated")
    return float(reference.sum(dtype=np.float64)) / total
