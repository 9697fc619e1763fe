"""The simulated array behind a `PCMTile`: devices, reads, products and updates, without autograd."""

from typing import Any

import numpy as np
import torch
from aihwkit.simulator.tiles.base import SimulatorTile
from numpy.typing import NDArray
from torch import Tensor

from crossbar.analog_product import analog_product, converters
from crossbar.drift_compensation import CompensationRead
from crossbar.later_reads import ArrayShare, read_by_law, read_by_statistics
from crossbar.pair_array import PairArray
from crossbar.read_out import NoiseKeys, ReadOut
from crossbar.single_thread import product
from crossbar.specs import ProgramSpec
from crossbar.streams import Stream
from crossbar.tile_config import TileConfig
from crossbar.tile_state import refuse_other_form, same
from crossbar.update_circuits import circuits_for
from crossbar.weight_copy import WeightCopy
from device_models.inference.statistics import InferenceStatistics
from kernels.errors import InputError
from kernels.mvm_io import Converters
from kernels.pair_weights import pair_weights

_FORWARD, _BACKWARD = 0, 1


class PCMSimulatorTile(SimulatorTile):
    """One array of pairs with its converters and update circuits.

    Args:
        x_size: n_in, rows.
        d_size: n_out, columns.
        rpu_config: see `PCMConfig`.
        stream: see `crossbar.streams`; fixes all random numbers.
    """

    def __init__(self, x_size: int, d_size: int, rpu_config: TileConfig, stream: Stream) -> None:
        self._config = rpu_config
        self.devices = PairArray(
            (d_size, x_size),
            rpu_config.device,
            rpu_config.array,
            rpu_config.faults,
            rpu_config.read.seconds_per_update,
            stream,
        )
        if rpu_config.wear:
            self.devices.count_wear()
        blind = rpu_config.read.during_training == "never"
        self.copy = WeightCopy(self.devices.shape, self.devices.weight_range) if blind else None
        self._with_copy = False
        self.renew_periphery()
        self.learning_rate = 0.1
        self.reads = 0
        self.later: ReadOut | None = None
        self._now = ReadOut(torch.zeros(d_size, x_size))
        self._stale = True
        self._known_converters: dict[int, tuple[dict[str, Any], Converters | None]] = {}
        self._renew_keys()

    def _renew_keys(self) -> None:
        self._training_keys = self._noise_keys()

    def _noise_keys(self, *purpose: str | int | float) -> tuple[NoiseKeys, NoiseKeys]:
        key = self.devices.key
        forward, backward = (
            (key("inputs", direction, *purpose), key("outputs", direction, *purpose))
            for direction in ("forward", "backward")
        )
        return forward, backward

    def set_config(self, rpu_config: TileConfig) -> None:
        """Use the converters of this configuration from now on; the devices stay what they are."""
        self._config = rpu_config

    def count_wear(self) -> None:
        """Count the pulses of each device of all its arrays from now on."""
        self.devices.count_wear()
        if self.periphery.fast is not None:
            self.periphery.fast.count_wear()

    def renew_periphery(self) -> None:
        """Put fresh update circuits beside the devices, as the configuration describes them now."""
        self.periphery = circuits_for(
            self._config.update, self.devices, self._read_columns, self.copy
        )

    def read_out(self) -> ReadOut:
        """The weights as the array shows them at this moment."""
        if not self._config.read.noise:
            self._now.variance = None
        elif self._now.variance is None:
            self._now.variance = torch.empty(self.devices.shape)
        self._read(self._now.weights, self._now.variance)
        self._stale = False
        return self._now

    @property
    def arrays(self) -> list[ArrayShare]:
        """The arrays that the weights lie on, each with its part in them."""
        fast, gamma = self.periphery.fast, self.periphery.gamma
        weights: list[ArrayShare] = [(self.devices, 1.0)]
        return weights if fast is None or gamma == 0.0 else [*weights, (fast, gamma)]

    def _read(self, weights: Tensor, variance: Tensor | None) -> None:
        for index, (devices, share) in enumerate(self.arrays):
            if index == 0:
                self._read_array(devices, weights, variance)
                continue
            own = torch.empty_like(weights)
            own_variance = None if variance is None else torch.empty_like(variance)
            self._read_array(devices, own, own_variance)
            weights.add_(own, alpha=share)
            if variance is not None and own_variance is not None:
                variance.add_(own_variance, alpha=share**2)

    def _read_array(self, devices: PairArray, weights: Tensor, variance: Tensor | None) -> None:
        if variance is not None or self._config.read.seconds_per_update is not None:
            devices.read_by_law(0.0, weights, variance)
            return
        pairs = devices.pairs
        shape = (devices.sharing, weights.numel())
        pair_weights(
            pairs.g_plus.reshape(shape),
            pairs.g_minus.reshape(shape),
            devices.weight_per_uS,
            weights.numpy().reshape(-1),
        )

    def _read_columns(self, devices: PairArray, inputs: NDArray[np.int64]) -> Tensor:
        """The weights [reads, n_out] of some inputs of an array beside the weights, through the forward converters."""
        weights = torch.empty(devices.shape)
        variance = torch.empty(devices.shape) if self._config.read.noise else None
        self._read_array(devices, weights, variance)
        one_hot = torch.zeros(len(inputs), devices.shape[1])
        one_hot[torch.arange(len(inputs)), torch.from_numpy(inputs)] = 1.0
        keys = devices.key("inputs", "transfer"), devices.key("outputs", "transfer")
        return analog_product(
            one_hot,
            weights.T,
            None if variance is None else variance.T,
            self._converters(_FORWARD),
            keys,
            devices.event,
        )

    def read_later(
        self,
        time_s: float,
        statistics: InferenceStatistics | None,
        seed: int,
        read_noise: bool,
        compensate: CompensationRead | None,
    ) -> None:
        """Compute all products with a read some time after the last update, until `later` is None again.

        Args:
            time_s: s since the last update, 0 or more.
            statistics: drift and noise from here on; None for the model's own law since the last pulse.
            seed: fixes what the statistics draw, and the noise of reads and converters meanwhile.
            read_noise: of the model's own law; statistics have their own.
            compensate: what drift compensation reads; None for no compensation.

        Raises:
            InputError: neither a law nor statistics, statistics of another g_max, or nothing conducts.
        """
        if statistics is None:
            later = read_by_law(self.arrays, time_s, seed, read_noise, compensate)
        else:
            later = read_by_statistics(self.arrays, time_s, statistics, seed, compensate)
        later.noise_keys = self._noise_keys("later", seed, time_s)
        self.later = later

    def forward(
        self,
        x_input: Tensor,
        bias: bool = False,
        in_trans: bool = False,
        out_trans: bool = False,
        is_test: bool = False,
        non_blocking: bool = False,
    ) -> Tensor:
        """Inputs [..., n_in] to outputs [..., n_out].

        Args:
            x_input: see above.
            is_test: in evaluation, the array multiplies even where training goes without reads.
        """
        self._with_copy = self.copy is not None and self.later is None and not is_test
        if self._with_copy:
            return self._product_of_copy(x_input, transposed=True)
        seen = self.later or self.read_out()
        return self._product(x_input, seen, _FORWARD)

    def backward(
        self,
        d_input: Tensor,
        bias: bool = False,
        in_trans: bool = False,
        out_trans: bool = False,
        non_blocking: bool = False,
    ) -> Tensor:
        """Errors [..., n_out] at the outputs to errors [..., n_in] at the inputs, by the last forward's weights."""
        if self._with_copy:
            return self._product_of_copy(d_input, transposed=False)
        seen = self.later or (self.read_out() if self._stale else self._now)
        return self._product(d_input, seen, _BACKWARD)

    def _product_of_copy(self, values: Tensor, transposed: bool) -> Tensor:
        assert self.copy is not None
        weights = self.copy.weights.T if transposed else self.copy.weights
        y = product(_matrix(values), weights)
        return y.reshape(*values.shape[:-1], y.shape[-1])

    def _product(self, values: Tensor, seen: ReadOut, direction: int) -> Tensor:
        weights, variance = seen.weights, seen.variance
        if direction == _FORWARD:
            weights, variance = weights.T, None if variance is None else variance.T
        if seen.noise_keys is None:
            self.reads += 1
            keys, draw = self._training_keys[direction], self.reads
        else:
            seen.products += 1
            keys, draw = seen.noise_keys[direction], seen.products
        y = analog_product(
            _matrix(values), weights, variance, self._converters(direction), keys, draw
        )
        if seen.gain != 1.0:
            y *= seen.gain
        return y.reshape(*values.shape[:-1], y.shape[-1])

    def _converters(self, direction: int) -> Converters | None:
        """Those of the configuration as it is now: aihwkit lets it change between two products."""
        io = self._config.forward if direction == _FORWARD else self._config.backward
        seen, found = self._known_converters.get(direction, (None, None))
        if seen != vars(io):
            found = converters(io)
            self._known_converters[direction] = (dict(vars(io)), found)
        return found

    def update(
        self,
        x_input: Tensor,
        d_input: Tensor,
        bias: bool = False,
        in_trans: bool = False,
        out_trans: bool = False,
        non_blocking: bool = False,
        gradient: Tensor | None = None,
    ) -> None:
        """Change the weights by about `-learning_rate * d^T x`, as the update circuits can.

        Args:
            x_input: inputs [..., n_in].
            d_input: errors [..., n_out].
            gradient: [n_out, n_in], in place of d^T x where it was changed after the backward pass.

        Raises:
            InputError: the devices are being read at a later time, or the circuits cannot apply such a gradient.
            FloatingPointError: an input, an error or the gradient is not finite.
        """
        if self.later is not None:
            raise InputError(
                "the tile is being read at a later time; leave `drifted` (or call `drift_to(None)`) "
                "before training goes on"
            )
        x, d = _matrix(x_input), _matrix(d_input)
        if not (torch.isfinite(x.sum()) and torch.isfinite(d.sum())):
            raise FloatingPointError(
                "an input or an error of the tile is not finite: the training has diverged"
            )
        if gradient is not None and not torch.isfinite(gradient.sum()):
            raise FloatingPointError(
                "the weight gradient of the tile is not finite: the training has diverged"
            )
        self.periphery.update(x, d, self.learning_rate, gradient)
        self._stale = True

    def weight_gradient(self, x_input: Tensor, d_input: Tensor) -> Tensor:
        """d^T x [n_out, n_in], as an update would use it."""
        return self.periphery.gradient(_matrix(x_input), _matrix(d_input))

    def set_weights(self, weight: Tensor) -> None:
        """Write weights [n_out, n_in] as `PCMConfig.programming` says."""
        self.program(weight, self._config.programming)

    def program(self, weights: Tensor, spec: ProgramSpec) -> None:
        """Write weights [n_out, n_in], clipped to the range; all devices are RESET first.

        Raises:
            InputError: a weight is not finite, or has no value.
        """
        refuse_no_values(weights)
        limit = self.devices.weight_range
        values = weights.detach().to(torch.float32).clamp(-limit, limit)
        self.devices.write(np.ascontiguousarray(values.numpy()), spec)
        self.periphery.weights_written(spec)
        self._stale = True
        if self.copy is not None:
            self.copy.start_from(self.read_out().weights)

    def get_weights(self, as_ref: bool = False) -> Tensor:
        """The weights [n_out, n_in] without read noise.

        Args:
            as_ref: the scratch matrix that products use, which the next read overwrites; else a copy.
        """
        if as_ref and not self._config.read.noise:
            return self.read_out().weights
        weights = torch.empty(self.devices.shape)
        self._read(weights, None)
        return weights

    def get_x_size(self) -> int:
        """n_in."""
        return self.devices.shape[1]

    def get_d_size(self) -> int:
        """n_out."""
        return self.devices.shape[0]

    def get_brief_info(self) -> str:
        """One line for `repr`."""
        config = self._config
        n_out, n_in = self.devices.shape
        return (
            f"PCMTile({n_out}, {n_in}, device={config.device.model}, update={config.update.kind}, "
            f"devices_per_polarity={self.devices.sharing})"
        )

    def get_learning_rate(self) -> float | None:
        """The learning rate of the next update."""
        return self.learning_rate

    def set_learning_rate(self, learning_rate: float | None) -> None:
        """Set the learning rate of the next updates.

        Raises:
            InputError: it is negative or not finite.
        """
        if learning_rate is None:
            return
        if not 0.0 <= learning_rate < float("inf"):
            raise InputError(f"learning_rate: must be 0 or more and finite (got {learning_rate})")
        self.learning_rate = learning_rate

    def set_weights_uniform_random(self, bmin: float, bmax: float) -> None:
        """Write uniform random weights in [bmin, bmax], from torch's generator."""
        self.set_weights(torch.empty(self.devices.shape).uniform_(bmin, bmax))

    def get_meta_parameters(self) -> Any:
        """The configuration."""
        return self._config

    def dump_extra(self) -> dict[str, Any]:
        """Copies of everything that a checkpoint needs to continue bit for bit."""
        fast = self.periphery.fast
        return {
            "devices": self.devices.dump(),
            **({} if fast is None else {"fast_devices": fast.dump()}),
            "reads": self.reads,
            "update_state": {
                name: array.copy() for name, array in self.periphery.state_arrays().items()
            },
            "meaning_of_update_state": self.periphery.meaning_of_state(),
        }

    def load_extra(self, extra: dict[str, Any], strict: bool = False) -> None:
        """Take over what `dump_extra` gave.

        Raises:
            InputError: it comes from a tile with other devices or other update circuits.
        """
        self.check_extra(extra)
        self.devices.load(extra["devices"])
        # Under the streams of the devices.
        self.renew_periphery()
        if self.periphery.fast is not None:
            self.periphery.fast.load(extra["fast_devices"])
        for name, array in self.periphery.state_arrays().items():
            array[...] = extra["update_state"][name]
        self.reads = extra["reads"]
        self._renew_keys()
        self._stale = True

    def check_extra(self, extra: dict[str, Any]) -> None:
        """Refuse what `dump_extra` gave where it would mean something else in this tile.

        Raises:
            InputError: it comes from a tile with other devices or other update circuits.
        """
        parts = self.dump_extra()
        if not isinstance(extra, dict) or set(extra) != set(parts):
            raise InputError(
                f"the state of a tile's circuits has the parts {', '.join(parts)}; the one given has "
                f"{', '.join(_names(extra))}"
            )
        self.devices.check(extra["devices"])
        if self.periphery.fast is not None:
            self.periphery.fast.check(extra["fast_devices"])
        own: dict[str, NDArray[Any]] = self.periphery.state_arrays()
        given: dict[str, NDArray[Any]] = extra["update_state"]
        if not isinstance(given, dict) or set(given) != set(own):
            raise InputError(
                f"the checkpoint holds the update state {_names(given)}, this tile keeps {sorted(own)}"
            )
        refuse_other_form(given, own, "update state")
        refuse_other_form(extra["reads"], self.reads, "reads")
        meaning, meant = self.periphery.meaning_of_state(), extra["meaning_of_update_state"]
        if not same(meant, meaning):
            raise InputError(
                f"the checkpoint holds the update state of {meant}, this tile that of {meaning}"
            )


def _names(given: Any) -> list[str]:
    return sorted(map(str, given)) if isinstance(given, dict) else []


def refuse_no_values(weights: Tensor) -> None:
    """Refuse weights that no device can hold.

    Raises:
        InputError: they lie on the meta device, or one is NaN or infinite.
    """
    if weights.is_meta:
        raise InputError(
            "weights: lie on the meta device, without values; give the model its weights on the CPU first"
        )
    finite = torch.isfinite(weights.detach())
    if not finite.all():
        raise InputError(
            f"weights: {int((~finite).sum())} of {weights.numel()} values are not finite; has the training "
            "diverged?"
        )


def _matrix(values: Tensor) -> Tensor:
    if values.device.type != "cpu":
        raise InputError(f"the PCM tile computes on the CPU; got a tensor on {values.device}")
    if values.dtype != torch.float32:
        raise InputError(f"the PCM tile computes in float32; got {values.dtype}")
    return values.detach().reshape(-1, values.shape[-1]).contiguous()
