"""The PCM tile: differential pairs as first-class data, inside aihwkit's own layers."""

import copy
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from typing import Any, get_args

import numpy as np
import torch
from aihwkit.nn.modules.base import AnalogLayerBase
from aihwkit.simulator.parameters.base import RPUConfigBase
from aihwkit.simulator.tiles.array import TileModuleArray
from aihwkit.simulator.tiles.base import AnalogTileStateNames
from aihwkit.simulator.tiles.custom import CustomTile
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from crossbar.drift_compensation import CompensationRead
from crossbar.optimizer_check import before_step
from crossbar.pcm_simulator_tile import PCMSimulatorTile, refuse_no_values
from crossbar.rules import carried_out_by
from crossbar.specs import GradientPulses, OptimizerSpec, ProgramSpec
from crossbar.tile_config import TileConfig
from crossbar.tile_state import TileState, described, read_config, refuse_other_form
from crossbar.weight_gradient import TileContext, TileFunction
from device_models.inference.statistics import InferenceStatistics
from kernels.errors import InputError
from kernels.pair_wear import Wear

Array = NDArray[np.float32]

_ONCE_PER_TILE = ("updates", "programmed")
_TRAINED = "analog_ctx_requires_grad"


class PCMTile(CustomTile):
    """One crossbar array of PCM pairs, with its converters, its update circuits and a random stream of its own.

    aihwkit's layers build it from a `PCMConfig`; `AnalogSGD` drives its updates.

    Args:
        out_size: n_out, number of columns.
        in_size: n_in, number of rows.
        rpu_config: see `PCMConfig`.
        bias: must be False or digital.

    Raises:
        InputError: an analog bias or a transposed input or output is asked for, the layer has no weights, or
            torch's default device is not the CPU.
    """

    tile: PCMSimulatorTile
    analog_ctx: TileContext

    def __init__(
        self,
        out_size: int,
        in_size: int,
        rpu_config: TileConfig,
        bias: bool = False,
        in_trans: bool = False,
        out_trans: bool = False,
    ) -> None:
        if in_trans or out_trans:
            raise InputError("the PCM tile takes no transposed inputs or outputs")
        if bias and not rpu_config.mapping.digital_bias:
            raise InputError("the PCM tile has no analog bias; allowed: a digital bias, or none")
        if out_size < 1 or in_size < 1:
            raise InputError(
                f"a layer of {out_size} x {in_size} weights cannot be put on an array; give it 1 output and 1 "
                "input or more, or leave it digital"
            )
        device = torch.get_default_device()
        if device.type != "cpu":
            raise InputError(
                f"the PCM tile computes on the CPU, and torch's default device is {device}; build the layer "
                "outside of that"
            )
        super().__init__(out_size, in_size, rpu_config, bias)
        self.analog_ctx = TileContext(self)
        self.register_forward_pre_hook(_keep_torch_off_its_fused_path)
        self.configured_optimizer: OptimizerSpec = rpu_config.update.optimizer
        """The rule that the configuration asked for, whatever was set since."""

    def _create_simulator_tile(
        self, x_size: int, d_size: int, rpu_config: TileConfig
    ) -> PCMSimulatorTile:
        return PCMSimulatorTile(x_size, d_size, rpu_config, rpu_config.streams.next_tile())

    def _recreate_simulator_tile(
        self, x_size: int, d_size: int, rpu_config: TileConfig
    ) -> PCMSimulatorTile:
        # The stream comes with the state that is loaded next; this one must not count as a new tile.
        return PCMSimulatorTile(x_size, d_size, rpu_config, (0, 0, 0))

    @property
    def g_plus(self) -> Array:
        """Conductances of the positive devices, live: float32 [n_out, n_in] or [K, n_out, n_in], µS."""
        return self.tile.devices.g_plus

    @property
    def g_minus(self) -> Array:
        """Conductances of the negative devices, live: float32 [n_out, n_in] or [K, n_out, n_in], µS."""
        return self.tile.devices.g_minus

    @property
    def fast_pairs(self) -> tuple[Array, Array] | None:
        """G+ and G- of the second array of a `tiki_taka` or `ttv2` update, live; None where there is none."""
        fast = self.tile.periphery.fast
        return None if fast is None else (fast.g_plus, fast.g_minus)

    @property
    def counters(self) -> dict[str, int]:
        """What was done to the devices so far; see `crossbar.pair_array.Counters`.

        Where gradients go to a second array, its pulses, refreshes and misses are counted in.
        """
        counted = asdict(self.tile.devices.counters)
        fast = self.tile.periphery.fast
        if fast is not None:
            for name, count in asdict(fast.counters).items():
                counted[name] += 0 if name in _ONCE_PER_TILE else count
        return counted

    @property
    def wear(self) -> Wear | None:
        """Pulses that each device has had so far, live; None unless `PCMConfig.wear` asks for it.

        `set_plus`, `set_minus`, `reset_plus` and `reset_minus`, each uint32 in the shape of `g_plus`. Pulses of
        updates, refreshes and writes count where they are sent, so that stuck devices have them too; an exact write
        takes the RESETs that begin it and no SET pulse. The totals, with those of `fast_wear`, are those of `counters`.
        """
        return self.tile.devices.wear

    @property
    def fast_wear(self) -> Wear | None:
        """The same of `fast_pairs`; None where there is no second array, or nobody asks."""
        fast = self.tile.periphery.fast
        return None if fast is None else fast.wear

    def update_state_arrays(self) -> dict[str, NDArray[Any]]:
        """Every array that the update circuits keep from one update to the next: live, not copies.

        Empty for `pulsed`, and for `tiki_taka`, whose state lies in devices (`fast_pairs`); H for `ttv2`; chi and what
        the rule keeps for `accumulated`. Where the devices are never read
        during training, the copy of the weights that takes their place as well.
        """
        return self.tile.periphery.state_arrays()

    def with_rule(self, optimizer: OptimizerSpec) -> Any:
        """The update circuits of this tile, carrying out another rule.

        Raises:
            InputError: these circuits cannot, or they have updated the devices by a rule of another kind already.
        """
        update = self.rpu_config.update
        if update.optimizer == optimizer:
            return update
        if isinstance(update, GradientPulses) and update.trains not in optimizer.rule.pulse_trains:
            raise InputError(
                f"rule: a {update.kind} update keeps {update.keeps} and, with trains: {update.trains}, honours only "
                f"{carried_out_by(update.trains)} (got '{optimizer.name}'); "
                "PCMConfig(update='accumulated') takes any rule"
            )
        updates = self.tile.devices.counters.updates
        if updates:
            raise InputError(
                f"rule: the tile has had {updates} updates by {_named(update.optimizer)}, whose state is not that "
                f"of {_named(optimizer)}; put the weights on new tiles to train on by another rule"
            )
        return type(update).of({**dict(update), "optimizer": optimizer})

    def set_update(self, update: Any) -> None:
        """Take over what `with_rule` returned; the devices stay what they are."""
        if update is not self.rpu_config.update:
            self.rpu_config.update = update
            self.tile.set_config(self.rpu_config)
            self.tile.renew_periphery()

    def forward(self, x_input: Tensor, tensor_view: tuple[int, ...] | None = None) -> Tensor:
        """Inputs [..., n_in] to outputs [..., n_out], with the gradient by the array itself."""
        # As in aihwkit's CustomTile, but for the function.
        self.tile.set_config(self.rpu_config)
        out: Tensor = TileFunction.apply(
            self.get_analog_ctx(), self, x_input, self.shared_weights, not self.training
        )
        if tensor_view is None:
            tensor_view = self.get_tensor_view(out.dim())
        out = self.apply_out_scaling(out, tensor_view)
        return out + self.bias.view(*tensor_view) if self.digital_bias else out

    def backward(self, d_input: Tensor, ctx: Any = None) -> Tensor | None:
        """Errors at the inputs; None where nobody asks for them, so that a first layer saves the product."""
        if ctx is not None and not ctx.needs_input_grad[2]:
            return None
        out: Tensor = super().backward(d_input, ctx)
        return out

    def update(self, x_input: Tensor, d_input: Tensor) -> None:
        """Change the weights by about `-learning_rate * d^T x`, or by the gradient that an optimizer's step found.

        Args:
            x_input: inputs [..., n_in].
            d_input: errors [..., n_out].

        Raises:
            InputError: the devices are being read at a later time, or the update circuits cannot apply a gradient that
                was changed after the backward pass.
            FloatingPointError: an input, an error or the gradient is not finite.
        """
        gradient = self.analog_ctx.gradient_of_step
        if gradient is None:
            super().update(x_input, d_input)
            return
        x, d = self._scaled_for_array(x_input, d_input)
        self.tile.update(x, d, gradient=gradient * self._row_scales())

    def weight_gradient(self, x_input: Tensor, d_input: Tensor) -> Tensor:
        """The gradient [n_out, n_in] of the logical weights, from inputs [..., n_in] and errors [..., n_out]."""
        return (
            self.tile.weight_gradient(*self._scaled_for_array(x_input, d_input))
            / self._row_scales()
        )

    def _scaled_for_array(self, x: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
        scaled: tuple[Tensor, Tensor] = self.pre_update(x, x.dim() - 1, d, d.dim() - 1)
        return scaled

    def _row_scales(self) -> Tensor:
        """What aihwkit multiplies the errors of each output by before they reach the array, [n_out, 1]."""
        return self._scaled_for_array(torch.zeros(1, self.in_size), torch.ones(1, self.out_size))[
            1
        ].T

    def set_weights(self, weight: Tensor, *args: Any, **kwargs: Any) -> None:
        """Write weights [n_out, n_in] as `PCMConfig.programming` says: every device is RESET first.

        Weights beyond `weight_range` are clipped, with a warning. Arguments as in aihwkit; with
        `realistic=True` the write is a `write_verify`.

        Raises:
            InputError: a weight is not finite, or has no value (the meta device).
        """
        realistic = kwargs.pop("realistic", False)
        refuse_no_values(torch.as_tensor(weight))
        self._warn_if_clipped(torch.as_tensor(weight))
        super().set_weights(weight, *args, **kwargs)
        if realistic:
            self.program(torch.as_tensor(weight))

    def program(self, weights: Tensor, spec: ProgramSpec | None = None) -> None:
        """Write weights [n_out, n_in] into the devices; what that took is in `counters`.

        Args:
            weights: in the units of the layer.
            spec: how; write-and-verify by default.

        Raises:
            InputError: the shape does not fit, or a weight is not finite.
        """
        if tuple(weights.shape) != self.tile.devices.shape:
            raise InputError(
                f"weights: shape {tuple(weights.shape)} does not fit a tile of {self.tile.devices.shape}"
            )
        refuse_no_values(weights)
        scales = self.get_scales()
        if scales is not None:
            weights = weights / scales.view(-1, 1)
        self._warn_if_clipped(weights)
        self.tile.program(weights, spec or ProgramSpec())

    def program_weights(self, *args: Any, **kwargs: Any) -> None:
        """aihwkit's call to write the present weights again, as a device would: a `write_verify`.

        Raises:
            InputError: an argument is given; `program` takes the parameters.
        """
        # program_analog_weights() of a layer passes its default on.
        if args or any(value is not None for value in kwargs.values()):
            raise InputError("program_weights takes no arguments on a PCM tile; use program()")
        self.tile.program(self.tile.get_weights(), ProgramSpec())

    def drift_to(
        self,
        time_s: float | None,
        statistics: InferenceStatistics | None = None,
        seed: int = 0,
        compensate_drift: bool = False,
        compensation_read: CompensationRead = "weights",
        read_noise: bool = True,
    ) -> None:
        """Read the devices as they would be some time after the last update, until `drift_to(None)`.

        Nothing about the training state changes; updates are refused meanwhile. The same statistics and seed give
        the same devices at every time. `crossbar.drifted` does this for a whole model, and undoes it.

        Args:
            time_s: s since the last update; None for the present again.
            statistics: see `crossbar.drifted`.
            seed: see `crossbar.drifted`.
            compensate_drift: see `crossbar.drifted`.
            compensation_read: see `crossbar.drifted`.
            read_noise: see `crossbar.drifted`.

        Raises:
            InputError: see `crossbar.drifted`.
        """
        if time_s is None:
            self.tile.later = None
            return
        if not 0.0 <= time_s < float("inf"):
            raise InputError(f"time_s: must be 0 s or more and finite (got {time_s})")
        if compensation_read not in get_args(CompensationRead):
            raise InputError(
                f"compensation_read: must be one of {', '.join(get_args(CompensationRead))} (got "
                f"{compensation_read!r})"
            )
        if compensation_read != "weights" and not compensate_drift:
            raise InputError(
                f"compensation_read: {compensation_read!r} has no effect without compensate_drift"
            )
        if statistics is not None and not read_noise:
            raise InputError(
                "read_noise: False has no effect on statistics, which have their own; use those with "
                "read_noise={'scale': 0}"
            )
        self.tile.read_later(
            time_s, statistics, seed, read_noise, compensation_read if compensate_drift else None
        )

    def _warn_if_clipped(self, weights: Tensor) -> None:
        scaled = self.rpu_config.mapping.weight_scaling_omega > 0.0
        limit = self.rpu_config.array.weight_range
        beyond = int((weights.detach().abs() > limit * (1.0 + 1e-6)).sum())
        if beyond and not scaled:
            warnings.warn(
                f"{beyond} of {weights.numel()} weights are beyond the weight_range of {limit} and are "
                "clipped to it",
                stacklevel=3,
            )

    def drift_weights(self, t_inference: float = 0.0) -> None:
        """Refused: aihwkit's call for devices that only infer.

        Raises:
            InputError: always; `crossbar.drifted` reads the trained devices at a later time.
        """
        raise InputError(
            f"drift_analog_weights({t_inference}): a PCM tile drifts by its own devices; use "
            "`with crossbar.drifted(model, time_s): ...`"
        )

    def state_dict(self, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """As in torch; what belongs to the tile is one entry, a `TileState`."""
        destination = {} if destination is None else destination
        super().state_dict(destination=destination, prefix=prefix, keep_vars=keep_vars)
        # aihwkit's second entry can be neither read nor copied, and loading leaves it out.
        destination.pop(prefix + AnalogTileStateNames.CONTEXT, None)
        name = self.get_analog_state_name(prefix)
        config = described(self.rpu_config)
        destination[name] = TileState(
            {**destination[name], AnalogTileStateNames.RPU_CONFIG: config}
        )
        return destination

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        context = self.analog_ctx
        # What waits for a step stays here, as the gradients of a copied parameter do.
        plain = nn.Parameter(context._raw_data().clone(), context.requires_grad)
        state["_parameters"] = {**self._parameters, AnalogTileStateNames.CONTEXT: plain}
        state[_TRAINED] = context.requires_grad
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over a state; into the same parameter, so that an optimizer goes on to move the tile.

        Raises:
            InputError: the weights have another shape, or the state would be other weights under the configuration
                that is kept.
        """
        state = dict(state)
        own = self.__dict__.get("rpu_config")
        trained = state.pop(_TRAINED, True)
        context = None
        if own is not None:
            context = self.analog_ctx
            self._refuse_no_state(state)
            given = state[AnalogTileStateNames.RPU_CONFIG]
            if not isinstance(given, Mapping | type(own)):
                raise InputError(f"the state's configuration is a {type(given).__name__}")
            if isinstance(given, Mapping):
                state[AnalogTileStateNames.RPU_CONFIG] = read_config(given, own)
            self._check_state(state)
        state[AnalogTileStateNames.RPU_CONFIG] = copy.deepcopy(
            state[AnalogTileStateNames.RPU_CONFIG]
        )
        super().__setstate__(state)
        if context is None:
            self.analog_ctx = TileContext(self)
            self.analog_ctx.requires_grad = trained
            return
        context._replace_raw_data(self.tile.get_weights(as_ref=True))
        context.reset(self)

    def compatible_with(self, rpu_config: Any) -> tuple[bool, str | None]:
        """As in aihwkit, for a configuration or what a state has of one."""
        if isinstance(rpu_config, Mapping):
            rpu_config = read_config(rpu_config, self.rpu_config)
        found: tuple[bool, str | None] = super().compatible_with(rpu_config)
        return found

    def _refuse_no_state(self, state: dict[str, Any]) -> None:
        """Every part of a state becomes an attribute of the tile: nothing else may, nor a part of another kind."""
        names, own = AnalogTileStateNames, self.get_analog_state()
        if set(state) != set(own):
            raise InputError(
                f"the state of this tile has the parts {', '.join(sorted(own))}; the one given has "
                f"{', '.join(sorted(map(str, state)))}"
            )
        if not isinstance(state[names.EXTRA], dict):
            raise InputError(f"the state's {names.EXTRA} is no dict")
        learning_rate = state[names.LR]
        if learning_rate is not None and type(learning_rate) not in (int, float):
            raise InputError(f"the state's {names.LR} is {learning_rate!r}, no number")
        for name in (names.WEIGHTS, names.CONTEXT):
            if not isinstance(state[name], Tensor) or state[name].dtype != torch.float32:
                raise InputError(f"the state's {name} is no float32 tensor")
        for name in (names.OUT_SCALING, names.MAPPING_SCALES):
            scales = state.get(name)
            fits = isinstance(scales, Tensor) and scales.numel() in (1, self.out_size)
            if scales is not None and not (fits and scales.is_floating_point()):
                raise InputError(f"the state's {name} is no scale of the {self.out_size} outputs")
        compared_elsewhere = {
            names.LR, names.WEIGHTS, names.CONTEXT, names.OUT_SCALING, names.MAPPING_SCALES, names.RPU_CONFIG,
            names.EXTRA,
        }  # fmt: skip
        for name in set(own) - compared_elsewhere:
            refuse_other_form(state[name], own[name], name)

    def _check_state(self, state: dict[str, Any]) -> None:
        shape = tuple(state[AnalogTileStateNames.WEIGHTS].shape)
        if shape != self.tile.devices.shape:
            raise InputError(
                f"the state has weights of shape {shape}, this tile of {self.tile.devices.shape}"
            )
        given = state[AnalogTileStateNames.RPU_CONFIG]
        extra = state[AnalogTileStateNames.EXTRA]
        if given is self.rpu_config or described(given) == described(self.rpu_config):
            self.tile.check_extra(extra)
            return
        # Before anything changes, in devices of the configuration that comes along.
        x_size, d_size = reversed(self.tile.devices.shape)
        self._recreate_simulator_tile(x_size, d_size, given).check_extra(extra)
        others = [
            f"{field.name} {getattr(given, field.name, None)} instead of {getattr(self.rpu_config, field.name)}"
            for field in fields(self.rpu_config)
            if field.compare
            and field.name != "seed"
            and getattr(given, field.name, None) != getattr(self.rpu_config, field.name)
        ]
        if others:
            warnings.warn(
                f"the state brings its own configuration to this tile: {'; '.join(others)}. "
                "load_state_dict(..., load_rpu_config=False) keeps the tile's",
                stacklevel=2,
            )

    def cuda(self, device: Any = None) -> "PCMTile":
        """Refused.

        Raises:
            InputError: always: the tile computes on the CPU.
        """
        raise InputError("the PCM tile computes on the CPU; it cannot be moved to CUDA")

    def to(self, *args: Any, **kwargs: Any) -> "PCMTile":
        """As in torch, as far as the tile stays on the CPU and in float32.

        Raises:
            InputError: another device or number format, or aihwkit's call for another configuration.
        """
        if any(isinstance(value, RPUConfigBase) for value in (*args, *kwargs.values())):
            raise InputError(
                "the devices of a PCM tile cannot be given another configuration; build a layer with it and give the "
                "weights to set_weights"
            )
        return self._apply(lambda tensor: tensor.to(*args, **kwargs))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "PCMTile":
        try:
            moved = fn(torch.zeros(1))
        except (RuntimeError, AssertionError) as error:
            raise InputError(f"the PCM tile computes on the CPU: {error}") from None
        if moved.device.type != "cpu" or moved.dtype != torch.float32:
            raise InputError(
                "the PCM tile computes on the CPU in float32; it cannot be moved to "
                f"{moved.device.type} in {str(moved.dtype).removeprefix('torch.')}"
            )
        self._apply_without_context(fn)
        return self


def _keep_torch_off_its_fused_path(tile: PCMTile, inputs: tuple[Any, ...]) -> None:
    """Nothing.

    In evaluation `nn.TransformerEncoderLayer` multiplies with its parts' `weight`, which an analog layer does
    not have, instead of calling them; unless one of them has a hook.
    """


class PCMTileArray(TileModuleArray):
    """A layer that is larger than one array."""

    def __init__(
        self,
        out_size: int,
        in_size: int,
        rpu_config: TileConfig,
        bias: bool = False,
        **kwargs: Any,
    ) -> None:
        rpu_config.streams.begin_array()
        try:
            super().__init__(out_size, in_size, rpu_config, bias, **kwargs)
        finally:
            rpu_config.streams.end_array()


def _named(optimizer: OptimizerSpec) -> str:
    given = ", ".join(f"{name} {value}" for name, value in optimizer.given.items())
    return f"{optimizer.name} ({given})" if given else optimizer.name


@contextmanager
def drifted(
    model: nn.Module,
    time_s: float,
    statistics: InferenceStatistics | None = None,
    seed: int = 0,
    compensate_drift: bool = False,
    compensation_read: CompensationRead = "weights",
    read_noise: bool = True,
) -> Iterator[None]:
    """Within the block, every PCM tile of a model reads as it would some time after its training ended.

    The training state stays as it is, and training in the block is refused.

    Args:
        model: any module with PCM tiles.
        time_s: s since the last update, 0 or more. The device model's own law holds from its own first time on
            (38.6 s for nandakumar2018); earlier reads find what the last pulses left.
        statistics: drift and read noise of the devices; None for the device model's own drift law since
            the last pulse, with the exponent that each device has for good.
        seed: fixes what the statistics draw, and the noise of reads and converters in the block: the same seed gives
            the same devices at every time.
        compensate_drift: global drift compensation, one digital factor per tile.
        compensation_read: what it reads, "weights" or "conductances"; see `crossbar.drift_compensation`.
        read_noise: the device model's own read noise, drawn anew for every input vector, whether or not
            `PCMConfig.read.noise` has it in the training; False for the mean of many reads without it.

    Raises:
        InputError: the model has no PCM tile, the time is negative, the devices have no drift law and no statistics
            are given, the statistics are for another g_max, nothing conducts that could be compensated, or an argument
            has no effect beside the others.
    """
    tiles = [tile for tile in model.modules() if isinstance(tile, PCMTile)]
    if not tiles:
        raise InputError(f"{type(model).__name__} has no PCM tile that could drift")
    try:
        for tile in tiles:
            tile.drift_to(time_s, statistics, seed, compensate_drift, compensation_read, read_noise)
        yield
    finally:
        for tile in tiles:
            tile.drift_to(None)


def _drift_analog_weights(layer: AnalogLayerBase, t_inference: float = 0.0) -> None:
    """aihwkit's call, which passes over tiles that are not its own: ours refuse it."""
    for tile in layer.analog_tiles():
        if isinstance(tile, PCMTile):
            tile.drift_weights(t_inference)
    _drift_of_aihwkit(layer, t_inference)


_drift_of_aihwkit = AnalogLayerBase.drift_analog_weights
AnalogLayerBase.drift_analog_weights = _drift_analog_weights
register_optimizer_step_pre_hook(before_step)
