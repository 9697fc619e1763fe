"""`exp_step` against aihwkit's `PCMPresetDevice`, both after RESET and k SET pulses."""

import numpy as np
import pytest
import torch
from aihwkit.simulator.configs import SingleRPUConfig, UpdateParameters
from aihwkit.simulator.parameters.enums import PulseType
from aihwkit.simulator.presets.devices import PCMPresetDevice
from aihwkit.simulator.tiles import AnalogTile

from device_models import ExpStep

SIDE = 200
MODEL = ExpStep(g_max_uS=25.0)
US_PER_WEIGHT = MODEL.g_max_uS / MODEL.w_max


@pytest.fixture(scope="module")
def peer():
    """Conductances of 40 000 aihwkit devices, µS: after RESET, and after each of 60 pulses."""
    update = UpdateParameters(
        desired_bl=1,
        update_management=False,
        update_bl_management=False,
        pulse_type=PulseType.STOCHASTIC_COMPRESSED,
    )
    torch.manual_seed(0)
    tile = AnalogTile(SIDE, SIDE, SingleRPUConfig(device=PCMPresetDevice(), update=update))
    tile.reset(1.0)
    # A rate this high makes every pulse coincide: one SET pulse on every device per update.
    tile.set_learning_rate(100.0)
    x, d = torch.ones(1, SIDE), -torch.ones(1, SIDE)
    after = [tile.get_weights()[0].numpy().copy()]
    for _ in range(60):
        tile.update(x, d)
        after.append(tile.get_weights()[0].numpy().copy())
    return np.stack(after) * US_PER_WEIGHT


@pytest.fixture(scope="module")
def ours():
    devices = MODEL.new_devices((SIDE, SIDE), seed=0)
    after = [devices.g_uS]
    for pulse in range(60):
        devices = MODEL.set_pulses(devices, 1, seed=pulse + 1)
        after.append(devices.g_uS)
    return np.stack(after)


def test_mean_within_two_percent_of_the_range(ours, peer):
    difference = ours.mean(axis=(1, 2)) - peer.mean(axis=(1, 2))
    assert np.max(np.abs(difference)) < 0.02 * MODEL.g_max_uS


def test_std_within_ten_percent(ours, peer):
    np.testing.assert_allclose(ours.std(axis=(1, 2)), peer.std(axis=(1, 2)), rtol=0.10)


def test_shapes_of_the_distributions_agree(ours, peer):
    for k in (1, 5, 20, 60):
        quantiles = (0.01, 0.1, 0.5, 0.9, 0.99)
        np.testing.assert_allclose(
            np.quantile(ours[k], quantiles), np.quantile(peer[k], quantiles), atol=0.5
        )


def test_parameters_are_those_of_aihwkit():
    device = PCMPresetDevice()
    for ours, theirs in {
        "dw_min": "dw_min",
        "dw_min_dtod": "dw_min_dtod",
        "up_down_dtod": "up_down_dtod",
        "w_max": "w_max",
        "w_max_dtod": "w_max_dtod",
        "a_up": "A_up",
        "gamma_up": "gamma_up",
        "a": "a",
        "b": "b",
        "dw_min_std": "dw_min_std",
        "dw_min_std_add": "dw_min_std_add",
        "dw_min_std_slope": "dw_min_std_slope",
        "reset_level": "reset",
        "reset_dtod": "reset_dtod",
        "reset_std": "reset_std",
    }.items():
        assert getattr(MODEL, ours) == getattr(device, theirs)
