"""One SET or RESET pulse on one PCM device, for the three training-pulse models.

How to call them from another kernel
------------------------------------
Every model has a pair of device functions with one and the same signature, so that a kernel can
be built around any of them::

    set_pulse(g, state, i, constants, z)      # applies one SET pulse to device i, in place
    reset_pulse(g, state, i, constants, z)    # applies one RESET pulse to device i, in place

    g          float32 [n_devices], conductances in µS
    state      float32 [n_rows, n_devices], what the model keeps per device; n_rows may be 0
    i          integer, the device
    constants  float32 [n_constants], the model's parameters in the order given below
    z          float32, a standard normal, e.g. `normal(key, i, pulse_number)` of
               `kernels.random_streams`

`device_models.training` supplies all of them: `model.constants()`, `model.new_devices(shape,
seed)` (which gives g and state), and `model.set_pulse`, `model.reset_pulse` (the functions below).
For a two-dimensional array pass `g.reshape(-1)`. A kernel that must work for every model is built
once per model by a function that closes over `set_pulse`, as `kernels.pulse_trains` does.

Models, with their state rows and constants
-------------------------------------------
nandakumar2018: S. R. Nandakumar et al., J. Appl. Phys. 124, 152135 (2018)
    state rows   0 P, the memory of past pulses: 1 after RESET; 1 drift exponent, which no pulse changes
    constants    0 decay of P per pulse
                 mean of dG: 1 slope in G, 2 offset in µS, 3 slope in P in µS
                 std of dG: 4 slope in G, 5 offset in µS, 6 slope in P in µS
                 7 g_min, 8 g_max in µS; RESET: 9 mean, 10 std in µS
exp_step: aihwkit's ExpStepDevice with complex cycle-to-cycle noise, going up only
    state rows   0 step scale, 1 g_max, 2 RESET level, all in µS and fixed per device
    constants    0 A_up, 1 2 a gamma_up, 2 b gamma_up
                 noise: 3 std, 4 additive part in µS, 5 slope; 6 RESET std in µS
linear: every SET pulse adds the same mean step
    state rows   none
    constants    0 step in µS, 1 relative std of a step, 2 g_min, 3 g_max in µS
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.fast_math import exp

_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)


@njit(forceinline=True, fastmath={"contract"})
def set_pulse_nandakumar2018(
    g: NDArray[np.float32],
    state: NDArray[np.float32],
    i: int,
    constants: NDArray[np.float32],
    z: np.float32,
) -> None:
    """One SET pulse: P decays, then G takes a normal step, its mean and std linear in G and P."""
    p = state[0, i] * constants[0]
    state[0, i] = p
    mean = constants[1] * g[i] + constants[2] + constants[3] * p
    std = constants[4] * g[i] + constants[5] + constants[6] * p
    g[i] = min(max(g[i] + mean + std * z, constants[7]), constants[8])


@njit(forceinline=True, fastmath={"contract"})
def reset_pulse_nandakumar2018(
    g: NDArray[np.float32],
    state: NDArray[np.float32],
    i: int,
    constants: NDArray[np.float32],
    z: np.float32,
) -> None:
    """RESET: a normal low conductance, and P back at 1."""
    state[0, i] = _ONE
    g[i] = min(max(constants[9] + constants[10] * z, _ZERO), constants[8])


@njit(forceinline=True, fastmath={"contract"})
def set_pulse_exp_step(
    g: NDArray[np.float32],
    state: NDArray[np.float32],
    i: int,
    constants: NDArray[np.float32],
    z: np.float32,
) -> None:
    """One SET pulse: an exponentially shrinking step; noise grows with the step and with g."""
    g_max = state[1, i]
    if g_max > _ZERO:
        shape = max(_ONE - constants[0] * exp(constants[1] * (g[i] / g_max) + constants[2]), _ZERO)
        step = shape * state[0, i]
        std = constants[3] * (abs(step) + constants[4] + constants[5] * g[i])
        g[i] = max(min(g[i] + step + std * z, g_max), _ZERO)


@njit(forceinline=True, fastmath={"contract"})
def reset_pulse_exp_step(
    g: NDArray[np.float32],
    state: NDArray[np.float32],
    i: int,
    constants: NDArray[np.float32],
    z: np.float32,
) -> None:
    """RESET: the device's own low level plus cycle-to-cycle noise."""
    g[i] = max(min(state[2, i] + constants[6] * z, state[1, i]), _ZERO)


@njit(forceinline=True, fastmath={"contract"})
def set_pulse_linear(
    g: NDArray[np.float32],
    state: NDArray[np.float32],
    i: int,
    constants: NDArray[np.float32],
    z: np.float32,
) -> None:
    """One SET pulse: the mean step, the same at every conductance, with relative noise."""
    g[i] = min(max(g[i] + constants[0] * (_ONE + constants[1] * z), constants[2]), constants[3])


@njit(forceinline=True, fastmath={"contract"})
def reset_pulse_linear(
    g: NDArray[np.float32],
    state: NDArray[np.float32],
    i: int,
    constants: NDArray[np.float32],
    z: np.float32,
) -> None:
    """RESET: exactly the lowest conductance."""
    g[i] = constants[2]
