"""Many pulses on many devices: the loop around a pulse of a device model."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from kernels.jit_on_call import jit_on_call
from kernels.random_streams import normal

PulseTrainKernel = Callable[..., None]


@cache
def pulse_train_kernel(pulse: Any) -> PulseTrainKernel:
    """The compiled loop that applies `pulses[i]` pulses to every device i.

    Args:
        pulse: `set_pulse` or `reset_pulse` of a model of `device_models.training`.

    Returns:
        `kernel(first, past_last, g, state, pulses, constants, key)` for the devices first ...
        past_last - 1: g float32 [n] in µS and state float32 [rows, n], both changed in place;
        pulses int64 [n]; constants float32; key uint64. Pulse k of device i uses the number that
        belongs to (key, i, k). Releases the GIL.
    """

    @jit_on_call(
        "void(int64, int64, float32[::1], float32[:, ::1], int64[::1], float32[::1], uint64)",
        nogil=True,
    )
    def kernel(first, past_last, g, state, pulses, constants, key):  # type: ignore[no-untyped-def]
        for i in range(first, past_last):
            for k in range(pulses[i]):
                pulse(g, state, i, constants, normal(key, np.uint64(i), np.uint64(k)))

    return kernel  # type: ignore[no-any-return]
