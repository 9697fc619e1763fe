"""From a digital network to the same network on the hardware of a config."""

from torch import nn

from imc_grapes.config.schema import AihwkitHardware, DigitalHardware
from imc_grapes.hardware.aihwkit_presets import find_preset


def on_hardware(network: nn.Sequential, hardware: DigitalHardware | AihwkitHardware) -> nn.Module:
    """The network with its weights stored as `hardware` says; its initial weights are programmed into the tiles.

    Raises:
        InputError: the preset does not exist.
    """
    if isinstance(hardware, DigitalHardware):
        return network
    from aihwkit.nn.conversion import convert_to_analog

    rpu_config = find_preset(hardware.preset).config_class()
    if hardware.array is not None:
        rpu_config.mapping.max_input_size = hardware.array.rows
        rpu_config.mapping.max_output_size = hardware.array.columns
    if hardware.statistics is not None:
        rpu_config.noise_model = hardware.statistics.build().as_aihwkit()
    converted: nn.Module = convert_to_analog(network, rpu_config)
    return converted
