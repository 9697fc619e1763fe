"""The small abstract base of the training-pulse models, and the arrays of devices they act on."""

from dataclasses import dataclass
from math import erf, exp, pi, sqrt
from typing import Any, ClassVar, Self

import numpy as np
from numba import njit
from numba.core.errors import NumbaError
from numba.core.registry import CPUDispatcher
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from device_models.faults import FaultMap, Faults
from device_models.parameters import LARGEST_G_MAX_US, Parameters
from device_models.registry import Registry
from kernels.column_blocks import for_blocks
from kernels.errors import InputError
from kernels.pulse_trains import pulse_train_kernel
from kernels.random_streams import stream_key
from kernels.read_law import ReadLaw

Array = NDArray[np.float32]

_PULSES_TO_TRY = 500
_RESETS_TO_TRY = 20
_ROUNDING = 1e-5


@dataclass(frozen=True)
class PulsedDevices:
    """An array of devices between pulses.

    Attributes:
        g_uS: float32, C-contiguous, any shape: the conductances.
        state: float32 `[rows, *shape]`: what the model keeps per device (`state_rows`).
        stuck: the devices that ignore every pulse.
    """

    g_uS: Array
    state: Array
    stuck: FaultMap


class TrainingModel(Parameters):
    """One device under SET pulses, RESET and reads.

    A PCM device is unidirectional: SET pulses raise its conductance step by step, a RESET brings
    it back to the bottom at once.

    A model of one's own is a subclass with parameters, `set_pulse` and `reset_pulse`; the rest has
    defaults that fit a device without memory, drift and differences from device to device. The two
    pulses are static methods that change one device in place; Numba compiles them::

        set_pulse(g, state, i, constants, z)
        reset_pulse(g, state, i, constants, z)

    with g float32 `[n_devices]` in µS, state float32 `[rows, n_devices]`, the device's index i, the
    float32 array of `constants()`, and a standard normal z, another one for every pulse.
    """

    source: ClassVar[str] = "not given"
    """Where the model was published."""
    sources: ClassVar[dict[str, str]] = {}
    """Of those parameters that come from elsewhere, by name."""
    state_rows: ClassVar[tuple[str, ...]] = ()
    """What is kept per device: a description of each row of `state`."""
    drifts: ClassVar[bool] = False
    """Whether conductances drift after the last pulse, so that a read needs a time."""
    set_pulse: ClassVar[Any]
    reset_pulse: ClassVar[Any]

    model: str = ""
    """Name that the model is registered by."""
    g_max_uS: float = Field(gt=0.0, le=LARGEST_G_MAX_US)
    """Largest conductance, µS; of the mean device where devices differ."""

    @model_validator(mode="after")
    def _first_pulse_raises(self) -> Self:
        # A subclass with a default of its own has lost the bound of the field.
        if self.g_max_uS <= 0.0:
            raise ValueError(f"g_max_uS must be above 0 (got {self.g_max_uS:g})")
        if isinstance(getattr(self, "set_pulse", None), CPUDispatcher):
            step_uS = self.granularity_uS
            if not step_uS > 0.0:
                raise ValueError(
                    f"the first SET pulse after a RESET must raise the conductance (by {step_uS:g} µS with these "
                    "parameters)"
                )
        return self

    @property
    def g_min_uS(self) -> float:
        """Lowest conductance that SET pulses leave a device at, µS."""
        return 0.0

    @property
    def granularity_uS(self) -> float:
        """Mean step of the first SET pulse after a RESET, µS; by default that without noise."""
        g, state = np.zeros(1, np.float32), self.fresh_state(1, 0)
        constants, no_noise = self.constants(), np.float32(0.0)
        self.reset_pulse.py_func(g, state, 0, constants, no_noise)
        low = float(g[0])
        self.set_pulse.py_func(g, state, 0, constants, no_noise)
        return float(g[0]) - low

    def constants(self) -> Array:
        """What the pulse functions take: by default every number among the parameters.

        They stand in the order in which they are declared, with `g_max_uS` first.
        """
        values = (getattr(self, name) for name in type(self).model_fields)
        return np.array([value for value in values if isinstance(value, int | float)], np.float32)

    def fresh_state(self, n_devices: int, seed: int) -> Array:
        """What the model keeps per device, right after production: float32 `[rows, n_devices]`.

        Args:
            n_devices: number of devices.
            seed: fixes device-to-device differences.
        """
        return np.zeros((len(self.state_rows), n_devices), np.float32)

    @property
    def read_law(self) -> ReadLaw | None:
        """Drift since the last pulse and read noise; None for a model that has neither."""
        return None

    def device_g_max_uS(self, devices: PulsedDevices) -> float | Array:
        """The largest conductance of each device, µS: one number where all devices are alike."""
        return self.g_max_uS

    def new_devices(
        self, shape: int | tuple[int, ...], seed: int, faults: Faults | None = None
    ) -> PulsedDevices:
        """Devices after their first RESET.

        Args:
            shape: shape of the array of devices.
            seed: fixes device-to-device differences, faults, and the noise of the RESET.
            faults: fractions of stuck devices; none by default.

        Returns:
            New arrays.
        """
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        state, stuck = self.produce(int(np.prod(shape)), seed, faults or Faults())
        devices = PulsedDevices(
            np.zeros(shape, np.float32), state.reshape(len(self.state_rows), *shape), stuck
        )
        return self.reset(devices, seed)

    def produce(self, n_devices: int, seed: int, faults: Faults) -> tuple[Array, FaultMap]:
        """What the devices are, before their first RESET: their fresh state, and which are stuck and so never drift.

        Args:
            n_devices: number of devices.
            seed: fixes device-to-device differences and faults.
            faults: fractions of stuck devices.

        Returns:
            float32 `[rows, n_devices]`, and the stuck devices.
        """
        state = self.fresh_state(n_devices, seed)
        stuck = faults.draw(n_devices, seed)
        if self.read_law is not None:
            stuck.hold(state[self.read_law.nu_row], 0.0, 0.0)
        return state, stuck

    def set_pulses(self, devices: PulsedDevices, pulses: ArrayLike, seed: int) -> PulsedDevices:
        """Apply SET pulses.

        Args:
            devices: the devices; left as they are.
            pulses: number of pulses: one for all devices, or an integer array of their shape.
            seed: fixes the noise; use another one for the next call.

        Returns:
            The devices afterwards, in new arrays.

        Raises:
            InputError: `pulses` is negative, not an integer, or of another shape.
        """
        return self._pulse(self.set_pulse, "SET", devices, pulses, seed)

    def reset(self, devices: PulsedDevices, seed: int, where: ArrayLike = True) -> PulsedDevices:
        """Apply one RESET pulse to some devices.

        Args:
            devices: the devices; left as they are.
            seed: fixes the noise; use another one for the next call.
            where: boolean, one for all devices or an array of their shape.

        Returns:
            The devices afterwards, in new arrays.
        """
        return self._pulse(
            self.reset_pulse, "RESET", devices, np.asarray(where, bool).astype(np.int64), seed
        )

    def read(
        self, devices: PulsedDevices, seed: int, seconds_since_pulse: ArrayLike | None = None
    ) -> Array:
        """What a read finds, in µS.

        Args:
            devices: the devices.
            seed: fixes the read noise, if the model has any.
            seconds_since_pulse: time since the last pulse on each device, s; needed by the models
                that drift, refused by those that do not.

        Returns:
            float32 of the devices' shape.

        Raises:
            InputError: a time is given to a model without drift.
        """
        if seconds_since_pulse is not None:
            raise InputError(
                f"seconds_since_pulse: the model {type(self).__name__} has no drift, so it takes "
                f"no time (got {seconds_since_pulse!r})"
            )
        return devices.g_uS.copy()

    def _pulse(
        self, pulse: Any, purpose: str, devices: PulsedDevices, pulses: ArrayLike, seed: int
    ) -> PulsedDevices:
        g = devices.g_uS.copy()
        state = devices.state.copy()
        counts = np.asarray(pulses)
        if counts.dtype.kind not in "iu" or (counts.size and counts.min() < 0):
            raise InputError(f"pulses: must be integers, 0 or more (got {pulses!r})")
        try:
            counts = np.array(np.broadcast_to(counts, g.shape), np.int64, order="C")
        except ValueError:
            raise InputError(
                f"pulses: shape {counts.shape} does not fit devices of shape {g.shape}"
            ) from None
        kernel = pulse_train_kernel(pulse)
        key = stream_key(seed, "pulses", purpose)
        constants = self.constants()
        flat = (g.reshape(-1), state.reshape(len(self.state_rows), g.size), counts.reshape(-1))
        for_blocks(
            g.size,
            int(counts.sum()),
            lambda first, past_last: kernel(first, past_last, *flat, constants, key),
        )
        done = PulsedDevices(g, state, devices.stuck)
        done.stuck.hold(g, self.g_min_uS, self.device_g_max_uS(done))
        return done


def _compile_pulses(model: type[TrainingModel]) -> None:
    """Compile pulses that are plain functions, and try one of each on a device, if all parameters have defaults."""
    for name in ("set_pulse", "reset_pulse"):
        pulse = getattr(model, name, None)
        if pulse is None:
            raise InputError(f"lacks {name}(g, state, i, constants, z)")
        if not isinstance(pulse, CPUDispatcher):
            setattr(model, name, staticmethod(njit(forceinline=True)(pulse)))
    if any(field.is_required() for field in model.model_fields.values()):
        return
    device = model.of({})
    if not model.__module__.startswith("device_models."):
        _try_state(device)
        _try_compiled(device)
        _try_many_pulses(device)


def _try_state(device: TrainingModel) -> None:
    """The arrays that the compiled pulses take, and nothing that they would refuse later."""
    for name, found, wanted in (
        ("fresh_state", device.fresh_state(3, 0), (len(device.state_rows), 3)),
        ("constants", device.constants(), None),
    ):
        shape = wanted or (np.size(found),)
        as_wanted = (
            isinstance(found, np.ndarray)
            and found.dtype == np.float32
            and found.shape == shape
            and found.flags.c_contiguous
        )
        if not as_wanted:
            got = f"{getattr(found, 'dtype', type(found).__name__)} {list(np.shape(found))}"
            rows = ", a row for each of state_rows" if wanted else ""
            raise InputError(f"{name}: must return float32 {list(shape)}{rows} (got {got})")


def _try_many_pulses(device: TrainingModel) -> None:
    """SET pulses with noise on a device until it is long full, and a RESET: conductances stay within their range."""
    g, state, constants = np.zeros(1, np.float32), device.fresh_state(1, 0), device.constants()
    highest = float(np.max(device.device_g_max_uS(PulsedDevices(g, state, Faults().draw(1, 0)))))
    noise = np.random.default_rng(0).standard_normal(_PULSES_TO_TRY).astype(np.float32)
    pulses = [(device.set_pulse, "SET"), (device.reset_pulse, "RESET")]
    for pulse, kind in pulses:
        for count, z in enumerate(noise if kind == "SET" else noise[:_RESETS_TO_TRY], 1):
            pulse.py_func(g, state, 0, constants, z)
            if not 0.0 <= g[0] <= highest * (1.0 + _ROUNDING):
                raise InputError(
                    f"{'set' if kind == 'SET' else 'reset'}_pulse: must keep conductances within 0 and the largest, "
                    f"{highest:g} µS (got {g[0]:g} µS after {count} {kind} pulses)"
                )


def _try_compiled(device: TrainingModel) -> None:
    """One pulse of each kind as the tiles apply it, so that what Numba cannot compile is said at once."""
    g, state, constants = np.zeros(1, np.float32), device.fresh_state(1, 0), device.constants()
    for name in ("reset_pulse", "set_pulse"):
        try:
            getattr(device, name)(g, state, 0, constants, np.float32(0.0))
        except NumbaError as error:
            reasons = [line for line in str(error).splitlines() if line.strip()]
            raise InputError(
                f"{name}: Numba cannot compile it: {' '.join(reasons[1:3]) or reasons[0]}"
            ) from None


DEVICES: Registry[type[TrainingModel]] = Registry(
    "hardware.device.model", "device_models.training", TrainingModel, "model", _compile_pulses
)


def mean_of_floored_normal(mean: float, std: float, floor: float) -> float:
    """The mean of max(x, floor) for x ~ N(mean, std): a step that a lowest conductance cuts."""
    if std == 0.0:
        return max(mean, floor)
    a = (mean - floor) / std
    density = exp(-0.5 * a * a) / sqrt(2.0 * pi)
    return floor + std * (density + a * 0.5 * (1.0 + erf(a / sqrt(2.0))))
