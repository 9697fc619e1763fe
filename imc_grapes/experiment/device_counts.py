"""Devices that a run uses, and what went wrong with them, counted from what there is, for ``summary.json``."""

from typing import Any

from torch import nn

from crossbar import PCMTile, conductances
from crossbar.aihwkit_presets import find_preset
from crossbar.costs import DEVICES_PER_FEEDBACK_WEIGHT
from imc_grapes.config.schema import AihwkitHardware, DigitalHardware, HardwareConfig, PCMHardware
from imc_grapes.evaluate.programmed import ProgrammedNetwork
from imc_grapes.transport import ErrorTransport


def count_pcm_devices(
    model: nn.Module, hardware: HardwareConfig, programmed: ProgrammedNetwork | None
) -> int | None:
    """Both devices of every pair of every array; None where the weights lie on no PCM.

    Args:
        model: the network on its hardware.
        hardware: what it was put on.
        programmed: the devices that a network trained in software was programmed into, if it was.
    """
    if isinstance(hardware, DigitalHardware) or _on_arrays(hardware):
        return None if programmed is None else programmed.n_devices()
    if isinstance(hardware, AihwkitHardware) and "PCM" not in find_preset(hardware.preset).device:
        return None
    return sum(
        int(g.size)
        for pairs in conductances(model)
        for g in (pairs.g_plus, pairs.g_minus, *(pairs.fast or ()))
    )


def count_missed_writes(model: nn.Module, hardware: HardwareConfig) -> dict[str, int] | None:
    """How often programming and refresh fell short; None where there are no PCM tiles.

    Args:
        model: the network on its hardware.
        hardware: what it was put on.

    Returns:
        `program` and `refresh`, each a number of pairs; see `crossbar.pair_array.Counters`.
    """
    if not isinstance(hardware, PCMHardware) or _on_arrays(hardware):
        return None
    tiles = [module for module in model.modules() if isinstance(module, PCMTile)]
    return {
        kind: sum(tile.counters[f"{kind}_missed"] for tile in tiles)
        for kind in ("program", "refresh")
    }


def count_feedback(transport: ErrorTransport | None, hardware: HardwareConfig) -> dict[str, Any]:
    """``feedback_weights`` and ``feedback_devices``, for ``summary.json``.

    The devices are those of arrays beside the tiles that hold the weights; None where training does not happen on
    devices: digital layers and hardware-aware training.
    """
    weights = transport.n_feedback_weights() if transport else 0
    devices = DEVICES_PER_FEEDBACK_WEIGHT * weights if _trains_on_devices(hardware) else None
    return {"feedback_weights": weights, "feedback_devices": devices}


def _trains_on_devices(hardware: HardwareConfig) -> bool:
    if isinstance(hardware, AihwkitHardware):
        return find_preset(hardware.preset).training == "in-situ"
    return isinstance(hardware, PCMHardware) and not _on_arrays(hardware)


def _on_arrays(hardware: HardwareConfig) -> bool:
    """Whether weights are trained in software for arrays that they are programmed into once."""
    return isinstance(hardware, PCMHardware) and hardware.in_software
