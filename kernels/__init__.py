"""Numba kernels: arrays in, arrays out; each has a plain NumPy float64 oracle in `kernels.oracles`."""
