"""The moments of a bounded read, against numerical integration over the noise."""

import numpy as np
import pytest

from kernels.oracles import read_law as oracle
from kernels.read_law import ReadLaw

LAW = ReadLaw(0, 38.6, 0.03, 0.13, 12.0)


@pytest.mark.parametrize("g_now", [0.0, 0.1, 0.3, 2.0, 11.5, 11.99, 12.0])
def test_the_moments_are_those_of_the_clipped_read(g_now):
    z = np.linspace(-9.0, 9.0, 2_000_001)
    density = np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi) * (z[1] - z[0])
    read = np.clip(g_now + (0.03 * g_now + 0.13) * z, 0.0, 12.0)
    mean = (read * density).sum()
    variance = ((read - mean) ** 2 * density).sum()
    found = oracle.read_moments(np.array([g_now]), LAW)
    np.testing.assert_allclose(np.ravel(found), [mean, variance], rtol=1e-5)


def test_drift_starts_at_the_laws_own_first_time():
    left = oracle.drifted(5.0, 0.04, [0.0, 1.0, 38.6, 386.0], LAW)
    np.testing.assert_allclose(left, [5.0, 5.0, 5.0, 5.0 * 10**-0.04])
