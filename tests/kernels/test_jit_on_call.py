"""Kernels are compiled by their first call, once, for their signature alone."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kernels.jit_on_call import COMPILE_ON_IMPORT, jit_on_call


def kernels():
    @jit_on_call("float32(float32)", nogil=True)
    def twice(x):
        return x * np.float32(2.0)

    @jit_on_call("void(float32[::1])", nogil=True)
    def double(values):
        for i in range(values.size):
            values[i] = twice(values[i])

    return twice, double


def test_nothing_is_compiled_before_the_first_call():
    twice, double = kernels()
    assert not twice.signatures
    values = np.array([1.0, 2.5], np.float32)
    double(values)
    assert values.tolist() == [2.0, 5.0]
    # A kernel that is called by another is compiled for its own signature too.
    assert len(double.signatures) == len(twice.signatures) == 1


def test_arguments_are_converted_to_the_signature():
    twice, _ = kernels()
    assert twice(3) == 6.0
    assert twice(np.float64(0.1)) == np.float32(0.1) * np.float32(2.0)
    assert len(twice.signatures) == 1


def test_other_arguments_are_refused():
    _, double = kernels()
    with pytest.raises(TypeError, match="No matching definition"):
        double(np.ones(3))
    double(np.ones(3, np.float32))


def test_threads_that_call_at_once_compile_once():
    twice, _ = kernels()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(twice, range(40))) == [2.0 * x for x in range(40)]
    assert len(twice.signatures) == 1


def test_who_forks_many_processes_compiles_at_once(monkeypatch):
    monkeypatch.setenv(COMPILE_ON_IMPORT, "1")
    twice, double = kernels()
    assert len(twice.signatures) == len(double.signatures) == 1
    assert twice(2.0) == 4.0
