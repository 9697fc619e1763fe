import pytest
import torch

from imc_grapes import RunConfig
from imc_grapes.experiment.assemble import on_hardware, programmable
from imc_grapes.experiment.device_counts import count_pcm_devices
from imc_grapes.networks.sequence import build_sequence_network

SYNAPSES = 88 * 150 + 150 * 88


def built(hardware):
    config = RunConfig.model_validate(
        {
            "name": "x",
            "data": {"name": "jsb"},
            "network": {"kind": "snu", "hidden": (150,)},
            "hardware": hardware,
        }
    )
    network = build_sequence_network(config.network, 88, 88, torch.Generator().manual_seed(0))
    return on_hardware(network, config), config.hardware


@pytest.mark.parametrize(
    "hardware",
    [
        {"tile": "pcm", "device": {"model": "nandakumar2018"}},
        {"tile": "pcm", "array": {"rows": 64, "columns": 50}},
        {"tile": "aihwkit", "preset": "PCMPreset"},
        {"tile": "aihwkit", "preset": "StandardHWATrainingPreset"},
    ],
)
def test_the_music_network_has_the_52800_devices_of_the_paper(hardware):
    model, chosen = built(hardware)
    assert count_pcm_devices(model, chosen, None) == 2 * SYNAPSES == 52_800


def test_programmed_devices_are_counted():
    model, chosen = built({"tile": "digital", "statistics": {"preset": "pcm_nandakumar2019"}})
    programmed = programmable(model, chosen)
    programmed.program(0)
    assert count_pcm_devices(model, chosen, programmed) == 52_800
    assert programmed.n_devices() == 52_800


def test_parallel_devices_of_a_synapse_all_count():
    model, chosen = built({"tile": "pcm", "array": {"devices_per_polarity": 3}})
    assert count_pcm_devices(model, chosen, None) == 3 * 52_800


@pytest.mark.parametrize(
    "hardware", [{"tile": "digital"}, {"tile": "aihwkit", "preset": "ReRamSBPreset"}]
)
def test_other_hardware_has_no_pcm_devices(hardware):
    model, chosen = built(hardware)
    assert count_pcm_devices(model, chosen, None) is None


def test_a_second_array_counts():
    hardware = {"tile": "pcm", "update": {"kind": "ttv2"}}
    model, chosen = built(hardware)
    assert count_pcm_devices(model, chosen, None) == 2 * 52_800
