"""The means to program and read any model: digital, on arrays, on our tiles, or on aihwkit's inference tiles."""

from collections.abc import Iterable, Mapping
from typing import Any

from aihwkit.simulator.tiles.inference import InferenceTileWithPeriphery
from torch import nn

from crossbar import PCMTile
from crossbar.array_layers import is_array_layer
from crossbar.array_layers.nonidealities import Nonidealities
from crossbar.drift_compensation import CompensationRead
from device_models import InferenceStatistics, StatisticsSpec
from imc_grapes.evaluate.aihwkit_inference import AihwkitInference
from imc_grapes.evaluate.pcm_tiles import PCMTiles
from imc_grapes.evaluate.programmed import ProgrammedNetwork
from imc_grapes.evaluate.programmed_arrays import ProgrammedArrays
from imc_grapes.evaluate.programmed_pairs import ProgrammedPairs
from imc_grapes.layers.apart import taken_apart
from imc_grapes.layers.obstacles import find_obstacles
from imc_grapes.layers.patterns import fits_any
from imc_grapes.layers.weight_layers import weight_layers
from kernels.errors import InputError

Statistics = str | Mapping[str, Any] | StatisticsSpec | InferenceStatistics | None


def on_devices(
    model: nn.Module,
    statistics: Statistics,
    *,
    exclude: Iterable[str] = (),
    strict: bool = True,
    compensation_read: CompensationRead = "weights",
    read_noise: bool = True,
) -> tuple[nn.Module, ProgrammedNetwork]:
    """The model to score, and the means to program and read its devices.

    Args:
        model: a digital one is copied, layers with several weight matrices taken apart; one on arrays or tiles is used
            itself.
        statistics: of the devices: a preset's name, its keys, or an object. None, on our tiles, for the device model's
            own law; on arrays that are trained in software and on aihwkit's tiles, for those of their config.
        exclude: of a digital model, what stays digital; see `to_crossbar`.
        strict: of a digital model, refuse weights that could not lie on crossbars; see `to_crossbar`.
        compensation_read: see `crossbar.drift_compensation`.
        read_noise: of the device model's own law, and of arrays that are trained in software.

    Raises:
        InputError: statistics are missing, or have no effect; some layers are trained in place and some in software.
    """
    tiles = [module for module in model.modules() if isinstance(module, PCMTile)]
    on_arrays = any(is_array_layer(module) for module in model.modules())
    if on_arrays and any(hasattr(module, "analog_module") for module in model.modules()):
        raise InputError(
            "model: holds layers that are trained in place and others that are trained in software; allowed: one kind"
        )
    if on_arrays:
        _refuse_exclude(exclude)
        own = None if statistics is None else inference_statistics(statistics)
        return model, ProgrammedArrays(
            model, own, compensation_read, Nonidealities(read_noise=read_noise)
        )
    if tiles:
        _refuse_exclude(exclude)
        g_max_uS = {tile.tile.devices.model.g_max_uS for tile in tiles}
        own = None
        if statistics is not None:
            if len(g_max_uS) > 1:
                raise InputError(
                    f"statistics: are those of one g_max, and the tiles have {sorted(g_max_uS)} µS"
                )
            own = inference_statistics(statistics, g_max_uS.pop())
        return model, PCMTiles(model, own, compensation_read, read_noise)
    if any(isinstance(module, InferenceTileWithPeriphery) for module in model.modules()):
        _refuse_exclude(exclude)
        if statistics is not None:
            raise InputError(
                "statistics: aihwkit's inference tiles have the noise_model of their config; give it to that"
            )
        return model, AihwkitInference(model)
    if any(hasattr(module, "analog_module") for module in model.modules()):
        raise InputError("model: its tiles cannot be programmed, or read at a later time")
    if statistics is None:
        raise InputError(
            "statistics: a digital model needs those of the devices that it is programmed into, for example "
            "'pcm_nandakumar2019'; `imc-grapes presets` lists them"
        )
    excluded = (exclude,) if isinstance(exclude, str) else tuple(exclude)
    apart = taken_apart(model, exclude=excluded, strict=strict)
    built = inference_statistics(statistics)
    stay = (*excluded, *(obstacle.name for obstacle in find_obstacles(apart)))
    layers = [name for name in weight_layers(apart) if not fits_any(name, stay)]
    if not layers:
        raise InputError(f"{type(model).__name__} has no layer left to program into devices")
    return apart, ProgrammedPairs(apart, built, compensation_read, layers)


def inference_statistics(
    statistics: str | Mapping[str, Any] | StatisticsSpec | InferenceStatistics,
    g_max_uS: float | None = None,
) -> InferenceStatistics:
    """Statistics by a preset's name, by their keys, or as they are.

    Args:
        statistics: which.
        g_max_uS: of the devices that they are for; None for their own.

    Raises:
        InputError: there is no such preset, or no such key.
    """
    if isinstance(statistics, InferenceStatistics):
        return statistics
    if isinstance(statistics, str):
        statistics = {"preset": statistics}
    spec = (
        statistics
        if isinstance(statistics, StatisticsSpec)
        else StatisticsSpec.of(dict(statistics))
    )
    if g_max_uS is not None and "g_max_uS" not in spec.model_fields_set:
        spec = spec.model_copy(update={"g_max_uS": g_max_uS})
    return spec.build()


def _refuse_exclude(exclude: Iterable[str]) -> None:
    if tuple(exclude):
        raise InputError(
            "exclude: has no effect on a model that lies on tiles already; to_crossbar takes it"
        )
