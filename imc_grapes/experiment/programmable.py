"""Which hardware can be programmed and read after a time, and how."""

from torch import nn

from crossbar.aihwkit_presets import find_preset
from imc_grapes.config.schema import (
    AihwkitHardware,
    DigitalHardware,
    EvaluationConfig,
    PCMHardware,
)
from imc_grapes.evaluate.aihwkit_inference import AihwkitInference
from imc_grapes.evaluate.pcm_tiles import PCMTiles
from imc_grapes.evaluate.programmed import ProgrammedNetwork
from imc_grapes.evaluate.programmed_pairs import ProgrammedPairs


def why_no_drift(
    hardware: DigitalHardware | AihwkitHardware | PCMHardware,
) -> str | None:
    """Why devices trained in place cannot be read at a later time; None if they can, or where there are no devices."""
    if isinstance(hardware, PCMHardware) and not (hardware.statistics or hardware.device.read_law):
        return f"the model {hardware.device.model} has no drift law of its own; hardware.statistics gives it one"
    if isinstance(hardware, AihwkitHardware) and not find_preset(hardware.preset).drifts:
        return f"{hardware.preset} has no drift model"
    return None


def programmable(
    model: nn.Module,
    hardware: DigitalHardware | AihwkitHardware | PCMHardware,
    evaluation: EvaluationConfig | None = None,
) -> ProgrammedNetwork | None:
    """The means to program and drift `model`, as `evaluation` says; None for hardware that does not drift."""
    how = evaluation or EvaluationConfig()
    if isinstance(hardware, AihwkitHardware) and find_preset(hardware.preset).drifts:
        return AihwkitInference(model)
    if isinstance(hardware, DigitalHardware) and hardware.statistics is not None:
        return ProgrammedPairs(model, hardware.statistics.build(), how.compensation_read)
    if isinstance(hardware, PCMHardware) and (hardware.statistics or hardware.device.read_law):
        return PCMTiles(model, hardware.drift_statistics(), how.compensation_read, how.read_noise)
    return None
