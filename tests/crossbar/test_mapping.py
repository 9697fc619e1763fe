import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from crossbar.mapping import map_weights_to_pairs, pairs_to_weights
from kernels.errors import InputError


@given(
    st_numpy.arrays(
        np.float32,
        st.tuples(st.integers(1, 6), st.integers(1, 6)),
        elements=st.floats(-1e3, 1e3, width=32),
    ),
    st.floats(0.5, 100.0),
)
def test_there_and_back(weights, g_max_uS):
    g_plus, g_minus, scale = map_weights_to_pairs(weights, g_max_uS)
    back = pairs_to_weights(g_plus, g_minus, scale)
    np.testing.assert_allclose(back, weights, rtol=1e-5, atol=1e-5 * np.abs(weights).max())
    assert (np.minimum(g_plus, g_minus) == 0.0).all()
    assert max(g_plus.max(), g_minus.max()) <= np.float32(g_max_uS)


def test_the_largest_magnitude_takes_g_max():
    g_plus, g_minus, scale = map_weights_to_pairs([[0.5, -2.0, 0.0]], 25.0)
    np.testing.assert_allclose(g_plus, [[6.25, 0.0, 0.0]])
    np.testing.assert_allclose(g_minus, [[0.0, 25.0, 0.0]])
    assert scale == pytest.approx(0.08)


@pytest.mark.parametrize(
    ("weights", "g_max_uS", "named"),
    [([np.nan], 25.0, "weights"), ([], 25.0, "weights"), ([1.0], 0.0, "g_max_uS")],
)
def test_impossible_input(weights, g_max_uS, named):
    with pytest.raises(InputError, match=named):
        map_weights_to_pairs(np.array(weights), g_max_uS)
