"""From a digital network to the same network on the hardware of a config."""

from typing import Any

from torch import nn

from crossbar.aihwkit_presets import find_preset
from device_models.inference.aihwkit_adapter import as_aihwkit
from imc_grapes.config.schema import AihwkitHardware, DigitalHardware, PCMHardware, RunConfig
from imc_grapes.layers.convert import to_crossbar
from imc_grapes.recurrent import unrolled
from imc_grapes.seeding import stream_seed


def on_hardware(network: nn.Module, config: RunConfig) -> nn.Module:
    """The network with its weights stored as `config.hardware` says; its initial weights are programmed into the tiles.

    Torch's recurrent layers compute with weights of their own; for any hardware but plain digital, equal ones take
    their place, whose weights can be put on tiles, or programmed.

    Raises:
        InputError: the preset does not exist, or a combination cannot be honoured.
    """
    hardware = config.hardware
    if isinstance(hardware, DigitalHardware) and hardware.statistics is None:
        return network
    if isinstance(hardware, DigitalHardware):
        return unrolled(network)
    rpu_config = (
        _pcm_config(hardware, config)
        if isinstance(hardware, PCMHardware)
        else _aihwkit_config(hardware)
    )
    return to_crossbar(network, rpu_config)


def _aihwkit_config(hardware: AihwkitHardware) -> Any:
    rpu_config = find_preset(hardware.preset).config_class()
    if hardware.array is not None:
        rpu_config.mapping.max_input_size = hardware.array.rows
        rpu_config.mapping.max_output_size = hardware.array.columns
    if hardware.statistics is not None:
        rpu_config.noise_model = as_aihwkit(hardware.statistics.build())
    return rpu_config


def _pcm_config(hardware: PCMHardware, config: RunConfig) -> Any:
    from crossbar import PCMConfig

    return PCMConfig(
        device=hardware.device,
        io=hardware.io,
        update=hardware.update,
        array=hardware.array,
        read=hardware.read,
        faults=hardware.faults,
        seed=stream_seed(config.seed, "pcm tiles"),
    )
