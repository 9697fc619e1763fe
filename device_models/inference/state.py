"""Devices after programming: what a read needs to know about them."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from device_models.faults import FaultMap
from kernels.errors import InputError

Array = NDArray[np.float32]


@dataclass
class ReadClock:
    """The time of the latest read; time does not run backwards.

    Attributes:
        latest_s: s since programming.
    """

    latest_s: float = 0.0

    def advance(self, time_s: float) -> None:
        """Go on to `time_s`.

        Raises:
            InputError: the time is earlier than the latest read, negative, or not a number.
        """
        if not time_s >= 0.0 or time_s == float("inf"):
            raise InputError(f"time_s: must be 0 s or more and finite (got {time_s})")
        if time_s < self.latest_s:
            raise InputError(
                f"time_s: these devices were already read at {self.latest_s} s, and time does not "
                f"go backwards (got {time_s}); `state.rewound()` gives them right after programming"
            )
        self.latest_s = time_s


@dataclass(frozen=True)
class ProgrammedState:
    """An array of programmed devices.

    Attributes:
        g_programmed_uS: float32, any shape: conductances right after programming, µS.
        nu: float32, same shape: drift exponents.
        relative_noise: float32, same shape: relative std of a read, but for its growth in time.
        g_limit_uS: float32, shape of the devices or (): largest conductance of each, µS.
        stuck: the devices that could not be programmed and do not drift.
        stream: tells the read noise of these devices from that of others.
        clock: time of the latest read.
    """

    g_programmed_uS: Array
    nu: Array
    relative_noise: Array
    g_limit_uS: Array
    stuck: FaultMap
    stream: int
    clock: ReadClock = field(default_factory=ReadClock)

    def rewound(self) -> "ProgrammedState":
        """The same devices right after programming, to be read on another course of time."""
        return replace(self, clock=ReadClock())
