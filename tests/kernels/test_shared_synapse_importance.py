import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.importance import per_device
from kernels.oracles import shared_synapse_importance as oracle
from kernels.shared_synapse_importance import per_synapse


@given(st.integers(1, 5), st.integers(1, 9), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_agrees_with_the_oracle(devices, n_out, n_in, seed):
    g_plus, g_minus = np.random.default_rng(seed).uniform(0, 25, (2, devices, n_out, n_in))
    expected = oracle.per_synapse(g_plus.astype(np.float32), g_minus.astype(np.float32))
    np.testing.assert_allclose(per_synapse(g_plus, g_minus), expected, rtol=1e-5, atol=1e-4)


def test_one_device_per_polarity_is_the_plain_pair():
    g_plus, g_minus = np.random.default_rng(0).uniform(0, 25, (2, 6, 30)).astype(np.float32)
    np.testing.assert_allclose(
        per_synapse(g_plus[None], g_minus[None]), per_device(g_plus, g_minus), rtol=1e-6
    )


def test_opposite_devices_of_one_synapse_cancel():
    g = np.full((2, 1, 3), 5.0, np.float32)
    opposite = g.copy()
    opposite[0] += 1.0
    opposite[1] -= 1.0
    np.testing.assert_array_equal(per_synapse(opposite, g), [0.0])


@pytest.mark.parametrize("shapes", [((2, 3), (2, 3)), ((2, 3, 4), (1, 3, 4))])
def test_other_shapes_are_refused(shapes):
    with pytest.raises(ValueError, match="K, n_out, n_in"):
        per_synapse(np.zeros(shapes[0]), np.zeros(shapes[1]))
