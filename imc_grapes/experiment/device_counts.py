"""How many PCM devices hold the weights of a network, counted from the devices that there are."""

from torch import nn

from crossbar.aihwkit_presets import find_preset
from imc_grapes.config.schema import AihwkitHardware, DigitalHardware, HardwareConfig
from imc_grapes.evaluate.programmed import ProgrammedNetwork


def count_pcm_devices(
    model: nn.Module, hardware: HardwareConfig, programmed: ProgrammedNetwork | None
) -> int | None:
    """Both devices of every pair of every tile; None where the weights lie on no PCM.

    Args:
        model: the network on its hardware.
        hardware: what it was put on.
        programmed: the devices that a digital network was programmed into, if it was.
    """
    if isinstance(hardware, DigitalHardware):
        return None if programmed is None else programmed.n_devices()
    if isinstance(hardware, AihwkitHardware) and "PCM" not in find_preset(hardware.preset).device:
        return None
    from crossbar import conductances

    return sum(pairs.g_plus.size + pairs.g_minus.size for pairs in conductances(model))
