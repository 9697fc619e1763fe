"""The devices of one tile: differential pairs of a training model, and what happens to them."""

import warnings
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from crossbar.specs import ArraySpec, ProgramSpec, RefreshSpec
from crossbar.streams import Stream
from crossbar.tile_state import refuse_other_form, same
from device_models.faults import FaultMap, Faults
from device_models.training import PulsedDevices, TrainingModel
from kernels import pair_writing
from kernels.errors import InputError
from kernels.pair_pulses import Pairs
from kernels.pair_read import read_pairs
from kernels.pair_refresh import refresh
from kernels.pair_wear import UNCOUNTED, Wear
from kernels.pulse_read import read_after_pulse
from kernels.random_streams import stream_key
from kernels.read_law import ReadLaw

Array = NDArray[np.float32]

_UNDATED = np.empty(0, np.int32)
_NO_VARIANCE = np.empty(0, np.float32)
_MOST_PULSES_TO_AVERAGE = 2000
_DEVICES_TO_AVERAGE = 1024
_SMALLEST_STEP = 1e-3
_DEVICES_TO_EXPECT = 16384
_ATTEMPTS = 4
_NO_RISE = np.zeros(1, np.float32)


@dataclass
class Counters:
    """What the periphery did to the devices of one tile.

    Attributes:
        updates: updates of the weights.
        pulses: SET pulses of updates.
        saturated: trains or accumulators that could not hold all that was due.
        refreshes: pairs that were RESET and written back.
        refresh_pulses: SET pulses of those writes.
        refresh_missed: of those pairs, the ones that the pulses left more than a first step (`granularity_uS`)
            away from their difference.
        chi_transfers: pulses that chi gave off (part of `pulses`).
        transfer_pulses: pulses that columns of a second array sent to the weights (part of `pulses`).
        transfer_reads: columns of a second array that were read for that.
        programmed: writes of the whole matrix.
        program_pulses: pulses of those writes: SET pulses, and RESET pulses after an overshoot.
        program_resets: RESET pulses of those writes: one of every device at the start, and those after an overshoot.
        program_missed: pairs that a write did not bring within its tolerance; of an open-loop write, those
            whose target lies beyond what its pulses reach in expectation.
        readouts: readings of the columns' importance, each by as many read cycles as its circuit takes.
    """

    updates: int = 0
    pulses: int = 0
    saturated: int = 0
    refreshes: int = 0
    refresh_pulses: int = 0
    refresh_missed: int = 0
    chi_transfers: int = 0
    programmed: int = 0
    program_pulses: int = 0
    program_resets: int = 0
    program_missed: int = 0
    readouts: int = 0
    transfer_pulses: int = 0
    transfer_reads: int = 0


class PairArray:
    """K devices per polarity at each of `n_out * n_in` crosspoints.

    Args:
        shape: (n_out, n_in).
        model: of the single device.
        array: K and the range of weights.
        faults: fractions of stuck devices.
        seconds_per_update: time that an update takes, s, if the time of each device's last pulse is to be kept;
            else None.
        stream: see `crossbar.streams`; fixes all random numbers.

    Attributes:
        g_plus: float32 [n_out, n_in], or [K, n_out, n_in] for K > 1, µS.
        g_minus: float32, the same shape, µS.
        counters: see `Counters`.
        weight_range: largest weight of a pair.
        event: number of updates and writes so far; the position in every random stream.
        wear: pulses of each device so far, in the shape of `g_plus`; None until `count_wear`.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        model: TrainingModel,
        array: ArraySpec,
        faults: Faults,
        seconds_per_update: float | None,
        stream: Stream,
    ) -> None:
        self.model = model
        self.faults = faults
        self.shape = shape
        self._seconds_per_update = seconds_per_update or 0.0
        self.sharing = array.devices_per_polarity
        self.stream = stream
        self.event = 0
        self.turn = 0
        self.counters = Counters()
        self.constants = model.constants()
        if array.weight_range == "auto":
            raise InputError(
                "array.weight_range: auto needs a layer with weights; imc_grapes.to_crossbar converts a model with it, "
                "and PCMConfig.for_weights gives the config of one layer"
            )
        self.weight_range = array.weight_range
        self.weight_per_uS = array.weight_range / (self.sharing * (model.g_max_uS - model.g_min_uS))
        stacked = shape if self.sharing == 1 else (self.sharing, *shape)
        n = int(np.prod(stacked))
        self.g_plus: Array = np.zeros(stacked, np.float32)
        self.g_minus: Array = np.zeros(stacked, np.float32)
        self._state_plus, self._stuck_plus = model.produce(
            n, int(self.key("devices", "plus")), faults
        )
        self._state_minus, self._stuck_minus = model.produce(
            n, int(self.key("devices", "minus")), faults
        )
        dated = seconds_per_update is not None
        self._last_plus = np.zeros(n, np.int32) if dated else _UNDATED
        self._last_minus = np.zeros(n, np.int32) if dated else _UNDATED
        self.wear: Wear | None = None

    def count_wear(self) -> None:
        """Count the pulses of each device from now on."""
        self.wear = Wear(*(np.zeros(self.g_plus.shape, np.uint32) for _ in Wear._fields))

    def _wear_as_words(self) -> dict[str, NDArray[np.int32]]:
        """Views of the counts, if there are any, in a format that torch can write whatever the file's."""
        if self.wear is None:
            return {}
        return {name: counts.view(np.int32) for name, counts in self.wear._asdict().items()}

    @property
    def counted_by(self) -> Wear:
        """What the kernels count the pulses of each device in."""
        return UNCOUNTED if self.wear is None else Wear(*(one.reshape(-1) for one in self.wear))

    def beside(self, purpose: str) -> "PairArray":
        """A second array of such devices for the same weights, all of them at RESET, with random numbers of its own.

        Args:
            purpose: what it is for: another one has other random numbers.
        """
        array = ArraySpec(devices_per_polarity=self.sharing, weight_range=self.weight_range)
        other = PairArray(
            self.shape,
            self.model,
            array,
            self.faults,
            self._seconds_per_update or None,
            (*self.stream, purpose),
        )
        other.event = self.event
        for g in (other.g_plus, other.g_minus):
            g[...] = self.model.g_min_uS
        other.hold_stuck()
        if self.wear is not None:
            other.count_wear()
        return other

    def _draw_stuck(self) -> None:
        n = self.g_plus.size
        self._stuck_plus = self.faults.draw(n, int(self.key("devices", "plus")))
        self._stuck_minus = self.faults.draw(n, int(self.key("devices", "minus")))

    def key(self, *purpose: str | int | float) -> np.uint64:
        """The random stream of this tile for one purpose."""
        seed, *place = self.stream
        return stream_key(seed, *place, *purpose)

    @cached_property
    def _keys(self) -> dict[str, tuple[np.uint64, np.uint64]]:
        return {
            purpose: (self.key(purpose, "plus"), self.key(purpose, "minus"))
            for purpose in ("refresh", "write")
        }

    @property
    def pairs(self) -> Pairs:
        """Flat views for the kernels."""
        return Pairs(
            self.g_plus.reshape(-1),
            self.g_minus.reshape(-1),
            self._state_plus,
            self._state_minus,
            self._last_plus,
            self._last_minus,
        )

    @property
    def stuck(self) -> tuple[FaultMap, FaultMap]:
        """The positive and the negative devices that ignore pulses and do not drift."""
        return self._stuck_plus, self._stuck_minus

    def per_weight(self, g: Array) -> Array:
        """Conductances `[2, *shape of g_plus]` summed over the K devices of a polarity: `[2, n_out, n_in]`."""
        return g if g.ndim == 3 else g.sum(axis=1)

    def read_by_law(self, later_s: float, weights: Tensor, variance: Tensor | None) -> None:
        """The weights by the model's own law, some time after the last update.

        Args:
            later_s: s, 0 or more.
            weights: float32 [n_out, n_in], overwritten: means over the read noise.
            variance: float32 [n_out, n_in], overwritten with the variance of the read noise; None to read without.

        Raises:
            InputError: the device model has no such law.
        """
        read_pairs(
            self.pairs,
            self._law(),
            self._seconds_per_update,
            later_s,
            self.event,
            self.weight_per_uS,
            weights.numpy().reshape(-1),
            _NO_VARIANCE if variance is None else variance.numpy().reshape(-1),
        )

    def one_read(self, later_s: float, seed: int, noise: bool) -> Array:
        """One read of every device by the model's own law: float32 `[2, *shape of g_plus]`, µS.

        Args:
            later_s: s since the last update, 0 or more.
            seed: fixes the read noise.
            noise: with it, or without.

        Raises:
            InputError: the device model has no such law.
        """
        law = self._law()
        if not noise:
            law = law._replace(noise_slope=0.0, noise_offset_uS=0.0)
        polarities = (
            ("plus", self.g_plus, self._state_plus, self._last_plus),
            ("minus", self.g_minus, self._state_minus, self._last_minus),
        )
        return np.stack(
            [
                read_after_pulse(
                    g.reshape(-1),
                    state,
                    self._ages_s(last, later_s),
                    law,
                    self.key("one read", polarity, seed, later_s),
                ).reshape(g.shape)
                for polarity, g, state, last in polarities
            ]
        )

    def _ages_s(self, last: NDArray[np.int32], later_s: float) -> Array:
        """Times since the last pulses as `kernels.pair_read` has them: one for all where they are not dated."""
        if not last.size:
            return np.full(1, later_s, np.float32)
        updates = (self.event + 1 - last).astype(np.float32)
        return updates * np.float32(self._seconds_per_update) + np.float32(later_s)

    def _law(self) -> ReadLaw:
        law = self.model.read_law
        if law is None:
            raise InputError(
                f"the model {self.model.model} has no drift of its own; give `statistics`"
            )
        return law

    def write(self, weights: Array, spec: ProgramSpec) -> None:
        """RESET everything and write weights `[n_out, n_in]`, all of them within the range.

        Pairs that the write leaves beyond its tolerance are counted, and said in a warning.
        """
        how = {
            "exact": pair_writing.EXACT,
            "open_loop": pair_writing.OPEN_LOOP,
            "write_verify": pair_writing.WRITE_VERIFY,
        }[spec.kind]
        targets = weights.reshape(-1) / np.float32(self.weight_per_uS * self.sharing)
        self.event += 1
        max_pulses = spec.max_pulses or most_pulses(self.model)
        open_loop = spec.kind == "open_loop"
        pulses, resets, missed = pair_writing.write_pairs(
            self.model.set_pulse,
            self.model.reset_pulse,
            self.pairs,
            targets.astype(np.float32),
            how,
            self.model.g_min_uS,
            spec.tolerance_uS or 0.5 * mean_step_uS(self.model, 1.0),
            max_pulses,
            expected_rise_uS(self.model, max_pulses) if open_loop else _NO_RISE,
            self.event,
            self.constants,
            *self._keys["write"],
            self.counted_by,
        )
        self.counters.programmed += 1
        self.counters.program_pulses += pulses
        self.counters.program_resets += resets
        self.counters.program_missed += missed
        if missed:
            warnings.warn(
                f"{missed} of {self.g_plus.size} pairs were not programmed to their weights within "
                f"{max_pulses} pulses ({spec.kind})",
                stacklevel=2,
            )
        self.hold_stuck()

    def refresh_if_due(self, spec: RefreshSpec) -> None:
        """Refresh the pairs that have filled up, if this is the update for it.

        Pairs that the pulses do not bring back are counted, and said once in a warning.
        """
        if spec.every_updates is None or self.counters.updates % spec.every_updates:
            return
        g_max_uS = self.model.g_max_uS
        max_pulses = spec.max_pulses or most_pulses(self.model)
        refreshed, pulses, missed = refresh(
            self.model.set_pulse,
            self.model.reset_pulse,
            self.pairs,
            spec.above * g_max_uS,
            spec.other_above * g_max_uS,
            nominal_state(self.model),
            max_pulses,
            self.model.granularity_uS,
            self.event,
            self.constants,
            *self._keys["refresh"],
            self.counted_by,
        )
        self.counters.refreshes += refreshed
        self.counters.refresh_pulses += pulses
        if missed and not self.counters.refresh_missed:
            warnings.warn(
                f"{missed} of {refreshed} refreshed pairs lost weight: {max_pulses} SET pulses did not bring "
                "their difference back (max_pulses; said once for each tile; see counters['refresh_missed'])",
                stacklevel=2,
            )
        self.counters.refresh_missed += missed

    def hold_stuck(self) -> None:
        """Undo whatever was done to devices that are stuck."""
        for g, state, stuck in (
            (self.g_plus, self._state_plus, self._stuck_plus),
            (self.g_minus, self._state_minus, self._stuck_minus),
        ):
            if stuck.reset_index.size or stuck.set_index.size:
                flat = g.reshape(-1)
                g_max_uS = self.model.device_g_max_uS(PulsedDevices(flat, state, stuck))
                stuck.hold(flat, self.model.g_min_uS, g_max_uS)

    def dump(self) -> dict[str, Any]:
        """Copies of all that is needed to continue bit for bit."""
        return {
            "model": self.model.model_dump(mode="json"),
            "faults": self.faults.model_dump(mode="json"),
            "weight_per_uS": self.weight_per_uS,
            "stream": self.stream,
            "event": self.event,
            "turn": self.turn,
            "counters": asdict(self.counters),
            "wear": {name: counts.copy() for name, counts in self._wear_as_words().items()},
            **{name: getattr(self, name).copy() for name in _ARRAYS},
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over what `dump` gave; into the present arrays, so that views on them stay live.

        Raises:
            InputError: the conductances would mean other weights here, or do not fit.
        """
        self.check(state)
        self.stream = tuple(state["stream"])
        self.__dict__.pop("_keys", None)
        self._draw_stuck()
        self.event = state["event"]
        self.turn = state["turn"]
        self.counters = Counters(**state["counters"])
        for name in _ARRAYS:
            getattr(self, name)[...] = state[name]
        for name, counts in self._wear_as_words().items():
            counts[...] = state["wear"][name]

    def check(self, state: dict[str, Any]) -> None:
        """Refuse what `dump` gave where it would not be the same weights in these devices.

        Raises:
            InputError: another device model, other faults, another range of weights, number of devices, or record of
                their last pulses; or pulses of each device counted in one of the two alone.
        """
        own = self.dump()
        if not isinstance(state, dict) or set(state) != set(own):
            raise InputError(f"the state's devices have other parts than {', '.join(own)}")
        held_shapes, shapes = (
            {name: getattr(given[name], "shape", None) for name in _ARRAYS}
            for given in (state, own)
        )
        for what, held, mine in (
            ("device model", state["model"], own["model"]),
            ("share of stuck devices", state["faults"], own["faults"]),
            ("weight per µS", state["weight_per_uS"], self.weight_per_uS),
            ("shape of arrays", held_shapes, shapes),
        ):
            if not same(held, mine):
                raise InputError(
                    f"the state has another {what} ({held}) than this tile ({mine}), whose conductances would be "
                    "other weights; load it with its own configuration, or give its weights to set_weights"
                )
        if isinstance(state["wear"], dict) and set(state["wear"]) != set(own["wear"]):
            counts, does_not = "counts the pulses of each device (wear)", "does not"
            said = (counts, does_not) if state["wear"] else (does_not, counts)
            raise InputError(
                f"the state {said[0]}, this tile {said[1]}; load it with its own configuration"
            )
        refuse_other_form(state, own, "devices")
        if state["turn"] >= self.sharing:
            raise InputError(
                f"the state's devices.turn is {state['turn']} of {self.sharing} devices"
            )


_ARRAYS = ("g_plus", "g_minus", "_state_plus", "_state_minus", "_last_plus", "_last_minus")


@cache
def nominal_state(model: TrainingModel) -> Array:
    """What the model keeps of its mean device after production: float32 [rows, 1], not to be changed."""
    state = model.fresh_state(_DEVICES_TO_AVERAGE, 0).mean(axis=1, keepdims=True)
    return np.ascontiguousarray(state, np.float32)


def most_pulses(model: TrainingModel) -> int:
    """SET pulses that one write may take by default: four times what fills a mean device."""
    return _ATTEMPTS * ceil((model.g_max_uS - model.g_min_uS) / mean_step_uS(model, 1.0))


@cache
def expected_rise_uS(model: TrainingModel, max_pulses: int) -> Array:
    """Mean conductance above RESET after 0, 1, 2 ... SET pulses, from many simulated devices.

    Noise and differences between devices count in, and so do the ends of the range that cut them. The list
    ends where the mean is largest.

    Args:
        model: of the devices.
        max_pulses: length of the list, less one.

    Returns:
        float32, not falling, µS.
    """
    devices = model.new_devices(_DEVICES_TO_EXPECT, 0)
    means = [devices.g_uS.mean(dtype=np.float64)]
    for pulse in range(max_pulses):
        devices = model.set_pulses(devices, 1, pulse)
        means.append(devices.g_uS.mean(dtype=np.float64))
        if means[-1] >= model.g_max_uS:
            break
    rise = np.maximum.accumulate(np.array(means)) - means[0]
    kept: Array = rise[: int(rise.argmax()) + 1].astype(np.float32)
    return kept


@cache
def mean_step_uS(model: TrainingModel, up_to: float) -> float:
    """Mean step of the SET pulses that bring a mean device from RESET up to a fraction of its g_max.

    A device whose mean steps die out earlier counts up to there.

    Args:
        model: of the device.
        up_to: fraction of g_max.

    Returns:
        µS per pulse.
    """
    constants = model.constants()
    g = np.zeros(1, np.float32)
    memory = nominal_state(model).copy()
    zero = np.float32(0.0)
    model.reset_pulse.py_func(g, memory, 0, constants, zero)
    start = float(g[0])
    pulses = 0
    while pulses < _MOST_PULSES_TO_AVERAGE:
        before = float(g[0])
        model.set_pulse.py_func(g, memory, 0, constants, zero)
        pulses += 1
        reached = float(g[0])
        if reached >= up_to * model.g_max_uS:
            break
        if reached - before <= _SMALLEST_STEP * model.granularity_uS:
            break
    return (float(g[0]) - start) / pulses
