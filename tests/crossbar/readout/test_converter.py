import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossbar.readout.converter import convert


@given(
    signals=st.lists(st.floats(-100.0, 100.0), min_size=1, max_size=20),
    bits=st.integers(2, 16),
)
def test_automatic_range_clips_nothing_and_wastes_less_than_a_bit(signals, bits):
    values = np.array(signals)
    read = convert(values, 100.0, bits, "auto", signed=True)
    step = read.full_scale / (2 ** (bits - 1) - 1)
    assert np.abs(read.values - values).max() <= 0.5 * step * (1 + 1e-9)
    peak = np.abs(values).max()
    assert read.full_scale >= peak
    if peak > 100.0 * 2.0**-16:
        assert read.full_scale < 2 * peak * (1 + 1e-9)


def test_a_fixed_range_clips():
    read = convert(np.array([-80.0, 30.0, 80.0]), 100.0, 8, 0.5, signed=True)
    assert read.values.tolist() == pytest.approx([-50.0, 30.0, 50.0], abs=0.2)


def test_unsigned_codes_start_at_zero_and_use_all_bits():
    read = convert(np.linspace(0.0, 100.0, 1000), 100.0, 3, 1.0, signed=False)
    assert len(np.unique(read.values)) == 8
    assert read.values.min() == 0.0
    assert read.values.max() == pytest.approx(100.0)


def test_without_bits_signals_pass():
    values = np.array([0.1, 0.2])
    assert convert(values, 1.0, None, "auto", signed=False).values is values
