"""Conductances behind wires with resistance."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crossbar.wires import effective_conductances
from kernels.errors import InputError
from kernels.oracles import wire_network as oracle


def some_devices(n_columns, n_in, seed=0, zeros=0.2):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.0, 25.0, (n_columns, n_in)) * (rng.random((n_columns, n_in)) >= zeros)


def assert_follows(oracle_uS, found_uS, rtol=1e-10):
    np.testing.assert_allclose(found_uS, oracle_uS, rtol=rtol, atol=rtol * np.max(oracle_uS))


@given(
    n_columns=st.integers(1, 24),
    n_in=st.integers(1, 24),
    row=st.floats(-3.0, 4.0),
    column=st.floats(-3.0, 4.0),
    zeros=st.sampled_from([0.0, 0.3, 0.9]),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=60, deadline=None)
def test_all_nodes_solved_at_once_say_the_same(n_columns, n_in, row, column, zeros, seed):
    g = some_devices(n_columns, n_in, seed, zeros)
    found = effective_conductances(g, 10.0**row, 10.0**column)
    assert found.dtype == np.float64
    assert_follows(oracle.effective_conductances(g, 10.0**row, 10.0**column), found)


@pytest.mark.parametrize("shape", [(64, 20), (20, 64)])
def test_every_current_that_finds_a_way_around_is_right_too(shape):
    g = some_devices(*shape)
    expected = oracle.effective_conductances(g, 2.0, 0.5)
    np.testing.assert_allclose(effective_conductances(g, 2.0, 0.5), expected, rtol=1e-10)
    around = expected[g == 0.0]
    assert (around > 0.0).all()
    assert around.max() < 1e-2


@pytest.mark.parametrize(("row_ohm", "column_ohm"), [(3.0, 0.0), (0.0, 3.0)])
@pytest.mark.parametrize("shape", [(12, 9), (9, 12), (1, 7), (7, 1)])
def test_no_resistance_is_the_limit_of_little(shape, row_ohm, column_ohm):
    g = some_devices(*shape)
    exact = effective_conductances(g, row_ohm, column_ohm)
    nearly = oracle.effective_conductances(g, row_ohm or 1e-6, column_ohm or 1e-6)
    np.testing.assert_allclose(exact, nearly, rtol=0.0, atol=1e-7)
    assert (exact[g == 0.0] == 0.0).all()


def test_rows_alone_are_ladders_of_their_own():
    # Columns without resistance are at 0 V: V_j follows from V_{j-1} by the admittance of what lies behind it.
    g, ohm = some_devices(10, 6), 40.0
    expected = np.zeros_like(g)
    for row in range(6):
        behind = np.zeros(11)
        for j in range(9, -1, -1):
            onwards = g[j, row] + behind[j + 1]
            behind[j] = 1.0 / (ohm * 1e-6 + 1.0 / onwards) if onwards else 0.0
        volt = 1.0
        for j in range(10):
            volt -= ohm * 1e-6 * volt * behind[j]
            expected[j, row] = g[j, row] * volt
    np.testing.assert_allclose(effective_conductances(g, ohm, 0.0), expected, rtol=1e-12)


def test_equal_devices_along_a_row_decay_as_a_line_does():
    # V_j = cosh((n - j - 1/2) a) / cosh((n + 1/2) a), with 2 sinh(a/2) = sqrt(G R): the discrete cable equation.
    n, g_uS, ohm = 50, 20.0, 300.0
    a = 2.0 * np.arcsinh(np.sqrt(g_uS * 1e-6 * ohm) / 2.0)
    from_driver = np.arange(1, n + 1)
    expected = g_uS * np.cosh((n + 0.5 - from_driver) * a) / np.cosh((n + 0.5) * a)
    found = effective_conductances(np.full((n, 1), g_uS), ohm, 0.0)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-12)


def test_without_resistance_the_devices_are_what_shows():
    g = some_devices(5, 4).astype(np.float32)
    found = effective_conductances(g, 0.0, 0.0)
    np.testing.assert_array_equal(found, g)
    assert not np.shares_memory(found, g)


def test_drivers_and_amplifiers_may_change_places():
    g = some_devices(8, 5)
    turned = effective_conductances(g.T[::-1, ::-1], 7.0, 2.0)[::-1, ::-1].T
    np.testing.assert_allclose(effective_conductances(g, 2.0, 7.0), turned, rtol=1e-12)


def test_a_symmetric_array_is_seen_symmetrically():
    # Symmetric about the diagonal from the far corner to the one beside drivers and amplifiers.
    g = some_devices(8, 8)
    g = g + g[::-1, ::-1].T
    found = effective_conductances(g, 3.0, 3.0)
    np.testing.assert_allclose(found, found[::-1, ::-1].T, rtol=1e-12)


def test_the_devices_beside_drivers_and_amplifiers_lose_least():
    shown = effective_conductances(np.full((16, 16), 25.0), 5.0, 5.0)
    assert (np.diff(shown, axis=0) < 0.0).all()  # columns away from the drivers
    assert (np.diff(shown, axis=1) > 0.0).all()  # rows towards the amplifiers


def test_no_more_flows_than_without_wires():
    g = some_devices(20, 15)
    shown = effective_conductances(g, 50.0, 50.0)
    assert (shown >= 0.0).all()
    assert (shown.sum(axis=1) <= g.sum(axis=1)).all()
    less = effective_conductances(g, 60.0, 50.0)
    assert (less.sum(axis=1) <= shown.sum(axis=1)).all()


def test_nothing_flows_through_an_array_at_zero():
    assert (effective_conductances(np.zeros((4, 3)), 1.0, 1.0) == 0.0).all()


@pytest.mark.parametrize(("size", "percent"), [(16, 0.3), (64, 3.4), (128, 12.0)])
def test_mean_loss_of_current_at_one_ohm(size, percent):
    g = np.random.default_rng(0).uniform(0.0, 25.0, (size, size))
    loss = 1.0 - effective_conductances(g, 1.0, 1.0).sum() / g.sum()
    assert 100.0 * loss == pytest.approx(percent, rel=0.03 if size > 16 else 0.2)


def test_threads_change_no_bit():
    g = some_devices(160, 140)
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(effective_conductances(g, 1.0, 1.0))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(*found)


def test_it_computes_on_the_cpu_whatever_torch_makes_tensors_on():
    g = some_devices(4, 3)
    with torch.device("meta"):
        found = effective_conductances(g, 1.0, 1.0)
    np.testing.assert_array_equal(found, effective_conductances(g, 1.0, 1.0))


@pytest.mark.parametrize(
    ("g", "row_ohm", "column_ohm", "message"),
    [
        ([[1.0]], -1.0, 1.0, r"row_ohm: .*at least 0 ohm per segment \(got -1\.0\)"),
        ([[1.0]], 1.0, float("nan"), r"column_ohm: .*\(got nan\)"),
        ([[1.0]], 1.0, float("inf"), r"column_ohm: .*\(got inf\)"),
        ([[1.0]], "1", 1.0, r"row_ohm: .*\(got '1'\)"),
        ([[1.0]], True, 1.0, r"row_ohm: .*\(got True\)"),
        ([[1.0, -2.0]], 1.0, 1.0, r"g_uS: .*\(got -2\.0 at column 0, input 1\)"),
        ([[1.0], [np.nan]], 0.0, 0.0, r"g_uS: .*\(got nan at column 1, input 0\)"),
        (np.zeros((0, 3)), 1.0, 1.0, r"g_uS: .*\[0, 3\]"),
        (np.zeros((3, 0)), 1.0, 1.0, r"g_uS: .*\[3, 0\]"),
        (np.ones(3), 1.0, 1.0, r"g_uS: .*\[3\]"),
        ([["a"]], 1.0, 1.0, r"g_uS: must be a matrix of numbers"),
    ],
)
def test_unusable_input_is_named(g, row_ohm, column_ohm, message):
    with pytest.raises(InputError, match=message):
        effective_conductances(g, row_ohm, column_ohm)
