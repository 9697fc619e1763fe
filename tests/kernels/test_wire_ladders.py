"""Ladders of wire segments and devices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.oracles import wire_ladders as oracle
from kernels.wire_ladders import add_admittance, terminal_currents


def some_devices(n, seed):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.0, 25.0, n) * (rng.random(n) < 0.8)


LADDERS = {
    "n": st.integers(1, 20),
    "exponent": st.floats(-4.0, 1.0),
    "seed": st.integers(0, 2**16),
}


@given(**LADDERS)
@settings(max_examples=50, deadline=None)
def test_terminal_currents_follow_the_oracle(n, exponent, seed):
    g, segment = some_devices(n, seed), 10.0**exponent
    np.testing.assert_allclose(
        terminal_currents(g[None], segment)[0], oracle.terminal_currents(g, segment), rtol=1e-9
    )


@given(**LADDERS)
@settings(max_examples=50, deadline=None)
def test_admittance_follows_the_oracle(n, exponent, seed):
    g, segment = some_devices(n, seed), 10.0**exponent
    matrix = np.ones((n, n))
    add_admittance(g, segment, 3.0, matrix)
    expected = 1.0 + 3.0 * oracle.admittance(g, segment)
    np.testing.assert_allclose(np.tril(matrix), np.tril(expected), rtol=1e-9, atol=1e-9)
    assert (matrix[np.triu_indices(n, 1)] == 1.0).all()


def test_two_rungs_by_hand():
    # Node 0 sees its device and, behind one segment, node 1 with its device and the terminal: 1 ohm each.
    currents = terminal_currents(np.ones((1, 2)), 1.0)[0]
    np.testing.assert_allclose(currents, [1 / 5, 2 / 5], rtol=1e-15)


def test_no_digit_is_lost_beside_a_wire_that_hardly_resists():
    # The segments carry 1, 2, 3 and 4 times the current of a device, and every node loses what lies before it.
    currents = terminal_currents(np.ones((1, 4)), 1e-12)[0]
    np.testing.assert_allclose(1.0 - currents, [10e-12, 9e-12, 7e-12, 4e-12], rtol=1e-3)
    matrix = np.zeros((4, 4))
    add_admittance(np.ones(4), 1e-15, 1.0, matrix)
    assert matrix[3, 0] == pytest.approx(-1e-15, rel=1e-12)


def test_ladders_do_not_touch_each_other():
    g = np.stack([some_devices(9, seed) for seed in range(3)])
    together = terminal_currents(g, 0.01)
    for ladder, currents in zip(g, together, strict=True):
        np.testing.assert_array_equal(terminal_currents(ladder[None], 0.01)[0], currents)
