"""The error transport of a config, and what its feedback weights take on the config's hardware."""

from typing import Any

from torch import nn

from crossbar.aihwkit_presets import find_preset
from crossbar.costs import DEVICES_PER_FEEDBACK_WEIGHT
from imc_grapes.config import RunConfig
from imc_grapes.config.schema import AihwkitHardware, HardwareConfig, PCMHardware
from imc_grapes.transport.base import ErrorTransport
from imc_grapes.transport.dfa import DirectFeedbackAlignment
from imc_grapes.transport.fa import FeedbackAlignment

_TRANSPORTS: dict[str, type[FeedbackAlignment | DirectFeedbackAlignment]] = {
    "fa": FeedbackAlignment,
    "dfa": DirectFeedbackAlignment,
}


def attach_transport(config: RunConfig, model: nn.Module) -> ErrorTransport | None:
    """Attach what `config` asks for to its network; None for backpropagation.

    Raises:
        InputError: it is not defined for a layer of the network.
    """
    name = config.training.error_transport
    return None if name == "bp" else _TRANSPORTS[name](model, seed=config.seed)


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
    return isinstance(hardware, PCMHardware)
