"""TTv1 and TTv2 against aihwkit's TransferCompound and BufferedTransferCompound: the error of the weights over time.

The target is a noisy linear regression on one tile. The same pulse trains, of 64 slots without aihwkit's shortening,
write to A on both sides. `linear` is held against ConstantStepDevice. `exp_step` is held against aihwkit's own pair of
one-sided ExpStepDevices (OneSidedUnitCell): made symmetric by A_up = 0, with noise from pulse to pulse and differences
from device to device, and as it is, its steps shrinking 28-fold. Pairs are refreshed on neither side there: their
devices do not fill up in so few updates, and aihwkit's refresh inside a compound slows the transfer down by itself.
"""

import numpy as np
import pytest
import torch
from aihwkit.nn import AnalogLinear
from aihwkit.simulator.configs import UnitCellRPUConfig
from aihwkit.simulator.configs.devices import (
    BufferedTransferCompound,
    ConstantStepDevice,
    OneSidedUnitCell,
    TransferCompound,
)
from aihwkit.simulator.parameters import IOParameters, UpdateParameters
from aihwkit.simulator.presets.devices import PCMPresetDevice

from crossbar import PCMConfig

N_IN, N_OUT = 12, 10
SEEDS = 8
LEARNING_RATE = 0.02
COMPOUNDS = {"tiki_taka": TransferCompound, "ttv2": BufferedTransferCompound}
SYMMETRIC = {"dw_min_std": 0.3, "dw_min_std_add": 0.0, "dw_min_std_slope": 0.0}


def constant_steps():
    no_spread = dict.fromkeys(
        ("dw_min_dtod", "dw_min_std", "up_down", "up_down_dtod", "w_min_dtod", "w_max_dtod"), 0.0
    )
    return ConstantStepDevice(w_min=-1.0, w_max=1.0, dw_min=0.01, **no_spread)


def one_sided(**parameters):
    return OneSidedUnitCell(unit_cell_devices=[PCMPresetDevice(**parameters)], refresh_every=0)


DEVICES = {
    "linear": (constant_steps, {"model": "linear", "step_uS": 0.25}, 1.0, None),
    "symmetric exp_step": (
        lambda: one_sided(A_up=0.0, A_down=0.0, **SYMMETRIC),
        {"model": "exp_step", "a_up": 0.0, **SYMMETRIC},
        2.0,
        None,
    ),
    # aihwkit takes one pulse for 0.031, a fraction of what its ExpStepDevice's first one does.
    "exp_step": (one_sided, {"model": "exp_step"}, 2.0, 0.39),
}
"""What aihwkit has, what we have, the weight at g_max, and the step that one pulse is taken for, µS."""


def theirs(kind, device, transfer_lr, gamma):
    if kind == "ttv2" and gamma > 0.0:
        transfer_lr = transfer_lr / gamma  # which that compound multiplies by gamma
    cells = [DEVICES[device][0]() for _ in range(2)]
    compound = COMPOUNDS[kind](
        unit_cell_devices=cells,
        transfer_lr=transfer_lr,
        gamma=gamma,
        transfer_forward=IOParameters(is_perfect=True),
    )
    return UnitCellRPUConfig(
        device=compound,
        forward=IOParameters(is_perfect=True),
        backward=IOParameters(is_perfect=True),
        update=UpdateParameters(desired_bl=64, update_bl_management=False, update_management=True),
    )


def ours(kind, device, transfer_lr, gamma, seed):
    _, model, weight_range, step_uS = DEVICES[device]
    update = {
        "kind": kind,
        "transfer_lr": transfer_lr,
        "gamma": gamma,
        "trains": "per_sample",
        "step_uS": step_uS,
        "refresh": {"every_updates": None},
    }
    array = {"weight_range": weight_range}
    return PCMConfig(device=model, io="perfect", update=update, array=array, seed=seed)


def errors(config, seed, after):
    """Root mean square of W - target after so many updates each."""
    generator = torch.Generator().manual_seed(seed)
    target = (torch.rand(N_OUT, N_IN, generator=generator) * 2.0 - 1.0) * 0.3
    torch.manual_seed(seed)
    layer = AnalogLinear(N_IN, N_OUT, bias=False, rpu_config=config)
    layer.set_weights(torch.zeros(N_OUT, N_IN))
    tile = next(layer.analog_tiles())
    tile.set_learning_rate(LEARNING_RATE)
    found = []
    for update in range(1, max(after) + 1):
        x = torch.randn(1, N_IN, generator=generator)
        y = x @ target.T + 0.1 * torch.randn(1, N_OUT, generator=generator)
        tile.tile.update(x, tile.tile.forward(x) - y, False)
        if update in after:
            found.append(float((layer.get_weights()[0] - target).square().mean().sqrt()))
    return found


@pytest.mark.parametrize(
    ("device", "kind", "transfer_lr", "gamma", "after"),
    [
        ("linear", "tiki_taka", 2.0, 0.0, (50, 100, 200)),
        ("linear", "tiki_taka", 1.0, 0.5, (50, 100, 200)),
        ("linear", "ttv2", 5.0, 0.0, (50, 100, 200)),
        ("linear", "ttv2", 2.0, 0.5, (50, 100, 200)),
        ("symmetric exp_step", "tiki_taka", 2.0, 0.0, (50, 100, 200)),
        ("symmetric exp_step", "ttv2", 5.0, 0.0, (50, 100, 200)),
        ("exp_step", "tiki_taka", 1.0, 0.0, (10, 50, 100)),
        ("exp_step", "ttv2", 5.0, 0.0, (10, 50, 100)),
    ],
)
def test_the_error_over_time_is_that_of_aihwkits_compound(device, kind, transfer_lr, gamma, after):
    found, expected = (
        np.array([errors(config(seed), seed, after) for seed in range(SEEDS)])
        for config in (
            lambda seed: ours(kind, device, transfer_lr, gamma, seed),
            lambda seed: theirs(kind, device, transfer_lr, gamma),
        )
    )
    difference = found.mean(0) - expected.mean(0)
    standard_error = np.sqrt((found.var(0, ddof=1) + expected.var(0, ddof=1)) / SEEDS)
    assert np.abs(difference / standard_error).max() < 3.0
    # The bound can tell something: it is a small part of what is compared.
    assert (3.0 * standard_error / expected.mean(0)).max() < 0.25
