"""SET and RESET pulses of the three training models on whole arrays, in float64."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def set_nandakumar2018(
    g: Floats, state: Floats, constants: Floats, z: Floats
) -> tuple[Floats, Floats]:
    """(g, state) after one SET pulse; shapes [n], [2, n] (P, drift exponent), [11], [n]."""
    decay, a, b, c, sa, sb, sc, g_min, g_max = constants[:9]
    p = state[0] * decay
    mean, std = a * g + b + c * p, sa * g + sb + sc * p
    return np.clip(g + mean + std * z, g_min, g_max), np.stack([p, state[1]])


def reset_nandakumar2018(
    g: Floats, state: Floats, constants: Floats, z: Floats
) -> tuple[Floats, Floats]:
    """(g, state) after RESET."""
    fresh = np.stack([np.ones_like(g), state[1]])
    return np.clip(constants[9] + constants[10] * z, 0.0, constants[8]), fresh


def set_exp_step(g: Floats, state: Floats, constants: Floats, z: Floats) -> tuple[Floats, Floats]:
    """(g, state) after one SET pulse; shapes [n], [3, n], [7], [n]."""
    a_up, slope, offset, noise, additive, noise_slope = constants[:6]
    scale, g_max, _ = state
    step = scale * np.maximum(1.0 - a_up * np.exp(slope * g / g_max + offset), 0.0)
    std = noise * (np.abs(step) + additive + noise_slope * g)
    return np.maximum(np.minimum(g + step + std * z, g_max), 0.0), state


def reset_exp_step(g: Floats, state: Floats, constants: Floats, z: Floats) -> tuple[Floats, Floats]:
    """(g, state) after RESET."""
    return np.maximum(np.minimum(state[2] + constants[6] * z, state[1]), 0.0), state


def set_linear(g: Floats, state: Floats, constants: Floats, z: Floats) -> tuple[Floats, Floats]:
    """(g, state) after one SET pulse; shapes [n], [0, n], [4], [n]."""
    step, noise, g_min, g_max = constants
    return np.clip(g + step * (1.0 + noise * z), g_min, g_max), state


def reset_linear(g: Floats, state: Floats, constants: Floats, z: Floats) -> tuple[Floats, Floats]:
    """(g, state) after RESET."""
    return np.full_like(g, constants[2]), state
