import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import importance
from kernels.column_blocks import WORTH_A_THREAD
from kernels.oracles import importance as oracle
from kernels.threads import get_threads, set_threads

PAIR_KERNELS = ["per_device", "column_current"]
shapes = st.tuples(st.integers(1, 40), st.integers(1, 200))


def conductances(shape, seed=0, g_max_uS=25.0):
    return np.random.default_rng(seed).uniform(0, g_max_uS, (2, *shape)).astype(np.float32)


@pytest.fixture
def _restore_threads():
    before = get_threads()
    yield
    set_threads(before)


@given(shape=shapes, seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_pair_kernels_follow_the_float64_oracles(shape, seed):
    g_plus, g_minus = conductances(shape, seed)
    for name in PAIR_KERNELS:
        found = getattr(importance, name)(g_plus, g_minus)
        assert found.dtype == np.float32
        assert found.shape == (shape[0],)
        np.testing.assert_allclose(found, getattr(oracle, name)(g_plus, g_minus), rtol=2e-6)


@given(shape=shapes, seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_signed_weights_follow_the_float64_oracle(shape, seed):
    weights = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    np.testing.assert_allclose(
        importance.per_weight(weights), oracle.per_weight(weights), rtol=2e-6
    )


@given(
    values=st.lists(st.floats(0, 2.0**99, width=32), min_size=1, max_size=50),
    low=st.floats(0, 1),
    high=st.floats(1, 4),
)
@settings(max_examples=100, deadline=None)
def test_factors_follow_the_float64_oracle_and_stay_within_their_bounds(values, low, high):
    found = importance.modulation_factors(values, low, high)
    expected = oracle.modulation_factors(np.asarray(values, np.float32), low, high)
    # Below the smallest normal number a float32 has fewer digits, and so has a ratio of two such numbers.
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    if max(np.asarray(values, np.float32)) > 0:
        assert found.min() >= np.float32(low)
        assert found.max() == np.float32(high)


@given(shape=shapes, seed=st.integers(0, 2**32 - 1), scale=st.floats(1e-3, 1e3))
@settings(max_examples=30, deadline=None)
def test_factors_ignore_the_unit_of_the_weights_and_the_order_of_the_inputs(shape, seed, scale):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=shape).astype(np.float32)
    shuffled = weights[:, rng.permutation(shape[1])] * np.float32(scale)
    factors = importance.modulation_factors(importance.per_weight(weights))
    others = importance.modulation_factors(importance.per_weight(shuffled))
    np.testing.assert_allclose(factors, others, rtol=1e-5)


def test_the_equation_of_the_paper_by_hand():
    weights = [[1, -3], [0.5, 0.5], [0, -0.2], [2, 1]]
    assert importance.per_weight(weights) == pytest.approx([4, 1, 0.2, 3])
    assert importance.modulation_factors([4, 1, 0.2, 3]) == pytest.approx([2, 1, 1, 1.5])


def test_without_the_lower_clip_as_under_feedback_alignment():
    assert importance.modulation_factors([4, 1, 0], low=0.0) == pytest.approx([2, 0.5, 0])


def test_column_current_equals_per_device_while_one_device_of_each_pair_is_empty():
    g_plus, g_minus = conductances((30, 70))
    positive = np.random.default_rng(1).random((30, 70)) < 0.5
    g_plus[~positive], g_minus[positive] = 0, 0
    np.testing.assert_allclose(
        importance.per_device(g_plus, g_minus),
        importance.column_current(g_plus, g_minus),
        rtol=2e-6,
    )


def test_a_layer_of_zeros_is_left_alone():
    assert importance.modulation_factors(np.zeros(5)).tolist() == [1.0] * 5
    assert importance.per_device(np.zeros((5, 3)), np.zeros((5, 3))).tolist() == [0.0] * 5


def test_the_smallest_numbers_still_give_a_ratio():
    tiny = np.float32(1e-45)
    assert importance.modulation_factors([tiny, 0.0]).tolist() == [2.0, 1.0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_broken_conductance_shows_in_its_own_node_only(bad):
    g_plus, g_minus = conductances((8, 33))
    g_plus[3, 17] = bad
    for name in PAIR_KERNELS:
        finite = np.isfinite(getattr(importance, name)(g_plus, g_minus))
        assert finite.tolist() == [j != 3 for j in range(8)]
    assert np.isfinite(importance.per_weight(g_plus)).tolist() == [j != 3 for j in range(8)]


def test_a_device_pair_at_infinity_does_not_cancel():
    g = np.full((1, 4), np.inf, np.float32)
    assert np.isnan(importance.per_device(g, g)[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_factors_of_a_broken_importance_are_refused(bad):
    with pytest.raises(ValueError, match="finite and not negative"):
        importance.modulation_factors([1.0, bad])


@pytest.mark.parametrize(
    ("low", "high"), [(2, 1), (-1, 2), (0, 0), (np.nan, 2), (1, np.nan), (0, np.inf)]
)
def test_bounds_that_make_no_sense_are_refused(low, high):
    with pytest.raises(ValueError, match="low <= high"):
        importance.modulation_factors([1.0, 0.0], low, high)


@pytest.mark.parametrize("name", PAIR_KERNELS)
def test_wrong_shapes_are_refused(name):
    kernel = getattr(importance, name)
    with pytest.raises(ValueError, match=r"\(3, 4\) and \(4, 3\)"):
        kernel(np.zeros((3, 4)), np.zeros((4, 3)))
    with pytest.raises(ValueError, match="g_minus must be a matrix"):
        kernel(np.zeros((3, 4)), np.zeros(4))
    with pytest.raises(ValueError, match="g_plus must be a matrix"):
        kernel(np.zeros((3, 4, 1)), np.zeros((3, 4, 1)))


def test_a_vector_of_weights_and_a_matrix_of_importances_are_refused():
    with pytest.raises(ValueError, match="weights must be a matrix"):
        importance.per_weight(np.zeros(4))
    for wrong in (np.zeros((2, 2)), np.zeros(0)):
        with pytest.raises(ValueError, match="importance must be a vector"):
            importance.modulation_factors(wrong)


@pytest.mark.parametrize("shape", [(0, 5), (4, 0), (0, 0)])
def test_empty_matrices_have_no_importance(shape):
    empty = np.zeros(shape)
    assert importance.per_device(empty, empty).tolist() == [0.0] * shape[0]
    assert importance.per_weight(empty).tolist() == [0.0] * shape[0]


@pytest.mark.usefixtures("_restore_threads")
@pytest.mark.parametrize("shape", [(2, WORTH_A_THREAD), (700, 1111), (3, 300_000)])
def test_any_number_of_threads_gives_the_same_bits(shape):
    g_plus, g_minus = conductances(shape)
    results = []
    for threads in (1, 2, 3):
        set_threads(threads)
        results.append(
            [getattr(importance, name)(g_plus, g_minus).tobytes() for name in PAIR_KERNELS]
            + [importance.per_weight(g_plus).tobytes()]
        )
    assert results[0] == results[1] == results[2]


def test_strided_transposed_and_double_input_gives_the_same_as_its_copy():
    g_plus, g_minus = conductances((40, 60))
    for view in (np.s_[::2, ::3], np.s_[::-1, 5:], np.s_[:, :1]):
        for name in PAIR_KERNELS:
            kernel = getattr(importance, name)
            strided = kernel(g_plus[view], g_minus[view])
            assert np.array_equal(strided, kernel(g_plus[view].copy(), g_minus[view].copy()))
    assert np.array_equal(importance.per_weight(g_plus.T), importance.per_weight(g_plus.T.copy()))
    assert np.array_equal(
        importance.per_weight(g_plus.astype(np.float64)), importance.per_weight(g_plus)
    )


def test_read_only_conductances_are_read_and_left_as_they_are():
    g_plus, g_minus = conductances((5, 6))
    before = g_plus.copy()
    g_plus.flags.writeable = g_minus.flags.writeable = False
    importance.per_device(g_plus, g_minus)
    assert np.array_equal(g_plus, before)
