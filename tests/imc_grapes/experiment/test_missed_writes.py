import pytest
import torch

from crossbar import PCMTile
from crossbar.specs import ProgramSpec
from imc_grapes import RunConfig
from imc_grapes.experiment.assemble import on_hardware
from imc_grapes.experiment.device_counts import count_missed_writes


def built(hardware):
    config = RunConfig.model_validate(
        {
            "name": "x",
            "data": {"name": "digits"},
            "network": {"kind": "mlp", "hidden": (8,)},
            "hardware": hardware,
        }
    )
    network = config.network.build((1, 8, 8), 10, torch.Generator().manual_seed(0))
    return on_hardware(network, config), config.hardware


def test_pairs_beside_their_weights_are_counted_over_all_tiles():
    model, hardware = built({"tile": "pcm", "device": {"model": "linear"}})
    assert count_missed_writes(model, hardware) == {"program": 0, "refresh": 0}
    tiles = [module for module in model.modules() if isinstance(module, PCMTile)]
    for tile in tiles:
        with pytest.warns(UserWarning, match="not programmed"):
            tile.program(
                torch.full(tile.tile.devices.shape, 0.5),
                ProgramSpec(kind="open_loop", max_pulses=1),
            )
    assert count_missed_writes(model, hardware) == {"program": 64 * 8 + 8 * 10, "refresh": 0}


def test_a_digital_network_writes_no_devices():
    assert count_missed_writes(*built({"tile": "digital"})) is None
