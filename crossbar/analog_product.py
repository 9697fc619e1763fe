"""An analog matrix-vector product: converters, one-threaded product, converters."""

import numpy as np
import torch
from aihwkit.simulator.parameters.enums import (
    AnalogMVType,
    BoundManagementType,
    NoiseManagementType,
)
from aihwkit.simulator.parameters.io import IOParameters
from numpy.typing import NDArray
from torch import Tensor

from crossbar.single_thread import product
from crossbar.specs import IOSpec
from kernels.errors import InputError
from kernels.mvm_io import Converters, adc, dac

_NO_VARIANCE = np.empty((0, 0), np.float32)


def io_parameters(spec: IOSpec, weight_range: float, forward: bool) -> IOParameters:
    """aihwkit's parameters for one direction.

    Args:
        spec: bounds and noise in units of the weight range.
        weight_range: see `ArraySpec`.
        forward: from rows to columns; bound management belongs to that direction only.
    """
    if spec.perfect:
        return IOParameters(is_perfect=True)
    halves = spec.bound_management == "iterative" and forward
    scales = spec.noise_management == "abs_max"
    return IOParameters(
        inp_bound=spec.inp_bound,
        inp_noise=spec.inp_noise,
        inp_res=_resolution(spec.dac_bits),
        out_bound=0.0 if spec.out_bound is None else spec.out_bound * weight_range,
        out_noise=spec.out_noise * weight_range,
        out_res=_resolution(spec.adc_bits),
        bound_management=BoundManagementType.ITERATIVE if halves else BoundManagementType.NONE,
        noise_management=NoiseManagementType.ABS_MAX if scales else NoiseManagementType.NONE,
    )


def converters(io: IOParameters) -> Converters | None:
    """The constants of the kernels; None for perfect converters.

    Raises:
        InputError: a setting that the tile cannot honour.
    """
    if io.is_perfect:
        return None
    _check_supported(io)
    inp_step = _step(io.inp_res, io.inp_bound)
    limit = io.max_bm_factor
    if inp_step > 0.0:
        limit = min(limit, io.max_bm_res / inp_step)
    halvings = 0
    while io.bound_management != BoundManagementType.NONE and 2.0**halvings <= limit:
        halvings += 1
    return Converters(
        inp_step=inp_step,
        inp_bound=max(io.inp_bound, 0.0),
        inp_noise=max(io.inp_noise, 0.0),
        out_step=_step(io.out_res, io.out_bound),
        out_bound=max(io.out_bound, 0.0),
        out_noise=max(io.out_noise, 0.0),
        abs_max=io.noise_management == NoiseManagementType.ABS_MAX,
        max_halvings=halvings,
    )


def analog_product(
    x: Tensor,
    weights: Tensor,
    variance: Tensor | None,
    around: Converters | None,
    keys: tuple[np.uint64, np.uint64],
    draw: int,
) -> Tensor:
    """`x @ weights` as the array gives it.

    Args:
        x: float32 [batch, n].
        weights: float32 [n, m].
        variance: float32 [n, m], variance of the read noise of each weight; None for no read noise.
        around: see `converters`.
        keys: streams of input and output noise.
        draw: number of the product. Each of its rounds (bound management) draws anew.

    Returns:
        float32 [batch, m]. An input vector that converters cannot drive, since a value of it is NaN or infinite,
        gives NaN in all outputs.
    """
    if around is None:
        y = product(x, weights)
        if variance is not None:
            spread = product(x.square(), variance)
            adc(y.numpy(), spread.numpy(), np.ones(len(x), np.float32), _IDEAL, keys[1], draw)
        return y
    # One sum is cheap; a sum of finite numbers that overflows costs no more than a look at each.
    undriven = None if torch.isfinite(x.sum()) else ~torch.isfinite(x).all(dim=1)
    if undriven is None:
        return _converted_product(x, weights, variance, around, keys, draw)
    driven = x.masked_fill(undriven.unsqueeze(1), 0.0)
    y = _converted_product(driven, weights, variance, around, keys, draw)
    y[undriven] = torch.nan
    return y


def _converted_product(
    x: Tensor,
    weights: Tensor,
    variance: Tensor | None,
    around: Converters,
    keys: tuple[np.uint64, np.uint64],
    draw: int,
) -> Tensor:
    for halving in range(around.max_halvings + 1):
        round_draw = (draw << 8) + halving
        driven = dac(x.numpy(), around, 2.0**halving, keys[0], round_draw)
        if driven is None:
            return x.new_zeros(len(x), weights.shape[1])
        rows, scale = driven
        inputs = torch.from_numpy(rows)
        y = product(inputs, weights)
        noise: NDArray[np.float32] = _NO_VARIANCE
        if variance is not None:
            noise = product(inputs.square_(), variance).numpy()
        if adc(y.numpy(), noise, scale, around, keys[1], round_draw):
            break
    return y


_IDEAL = Converters(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, abs_max=False, max_halvings=0)


def _resolution(bits: int | None) -> float:
    return -1.0 if bits is None else 1.0 / (2**bits - 2)


def converter_bits(resolution: float) -> int | None:
    """Bits of a converter with aihwkit's `inp_res` or `out_res`, rounded down; None for one without steps."""
    if resolution <= 0.0:
        return None
    # aihwkit takes a resolution above 1 for a number of steps.
    steps = 1.0 / resolution if resolution < 1.0 else resolution
    return round(steps + 2.0).bit_length() - 1


def _step(resolution: float, bound: float) -> float:
    """Width of a step, where aihwkit takes a resolution above 1 for a number of steps."""
    if resolution <= 0.0:
        return 0.0
    fraction = 1.0 / resolution if resolution > 1.0 else resolution
    return fraction * 2.0 * bound


def _check_supported(io: IOParameters) -> None:
    from aihwkit.exceptions import ConfigError
    from aihwkit.simulator.tiles.analog_mvm import AnalogMVM

    if io.mv_type != AnalogMVType.ONE_PASS:
        raise InputError(f"io: mv_type {io.mv_type} is not supported; allowed: ONE_PASS")
    try:
        AnalogMVM.check_support(io)
    except ConfigError as error:
        raise InputError(f"io: {error}") from None
    unsupported = {
        "inp_asymmetry": io.inp_asymmetry,
        "out_asymmetry": io.out_asymmetry,
        "inp_sto_round": io.inp_sto_round,
        "out_sto_round": io.out_sto_round,
        "out_noise_std": io.out_noise_std,
        "nm_thres": max(io.nm_thres, 0.0),
        "out_scale": io.out_scale != 1.0,
    }
    for name, value in unsupported.items():
        if value:
            raise InputError(f"io: {name} is not supported by the PCM tile (got {value!r})")
    if io.noise_management not in (NoiseManagementType.ABS_MAX, NoiseManagementType.NONE):
        raise InputError(
            f"io: noise_management {io.noise_management.value} is not supported; allowed: AbsMax, None"
        )
    if io.bound_management not in (BoundManagementType.ITERATIVE, BoundManagementType.NONE):
        raise InputError(
            f"io: bound_management {io.bound_management.value} is not supported; "
            "allowed: Iterative, None"
        )
    if io.out_res > 0.0 and io.out_bound <= 0.0:
        raise InputError("io: out_res needs an out_bound: the steps are spread over its range")
