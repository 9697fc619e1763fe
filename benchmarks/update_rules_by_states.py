"""Weight error against the number of states of a device: SGD in pulses, TTv1 and TTv2, beside aihwkit's tiles.

    python benchmarks/update_rules_by_states.py --out states.png

One tile of 16 x 16 weights learns a fixed random matrix from noisy samples, one at a time, with perfect converters. A
device has so many states as SET pulses bring it from RESET to the end of its range; its steps are equal (`linear`; in
aihwkit, ConstantStepDevice), or shrink with noise as those of PCM (`exp_step`, whose granularity is scaled; pairs are
refreshed, ours alone). Each rule has the learning rates of the grid that leave it the smallest error, device by device.
The check is that of M. J. Rasch et al., arXiv 2303.04721 (2023), who have devices of bidirectional steps.
"""

import argparse
from itertools import product
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import torch
from aihwkit.nn import AnalogLinear
from aihwkit.simulator.configs import SingleRPUConfig, UnitCellRPUConfig
from aihwkit.simulator.configs.devices import (
    BufferedTransferCompound,
    ConstantStepDevice,
    TransferCompound,
)
from aihwkit.simulator.parameters import IOParameters, UpdateParameters

from crossbar import PCMConfig

SIZE = 16
STATES = (8, 16, 32, 64, 128)
NOISE = 0.1
GAMMA = 0.1
"""Without it the two arrays swing on: nothing pulls A of equal steps back to zero."""
GRID = {
    "sgd": [(lr, None) for lr in (0.003, 0.01, 0.03)],
    "tiki_taka": list(product((0.01, 0.03), (0.1, 0.5))),
    "ttv2": list(product((0.01, 0.03), (0.3, 2.0))),
}
"""Learning rates of A, and of the transfer in their units."""
PULSES_OF_EXP_STEP = 100
"""SET pulses that bring a mean device of `exp_step` to its end, about."""


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("update_rules_by_states.png"))
    parser.add_argument("--updates", type=int, default=800)
    parser.add_argument("--seeds", type=int, default=2)
    chosen = parser.parse_args()
    frame = pd.DataFrame(rows(chosen.updates, chosen.seeds))
    table = frame.pivot_table("error", ["tile", "rule"], "states", sort=False)
    print(table.round(4).to_string())
    picture(frame).save(chosen.out)


def rows(updates: int, seeds: int):
    for tile, config in TILES.items():
        for rule, states in product(GRID, STATES):
            found = {
                rates: [
                    error(config(rule, states, rates, seed), rates[0], updates, seed)
                    for seed in range(seeds)
                ]
                for rates in GRID[rule]
            }
            rates = min(found, key=lambda rates: np.mean(found[rates]))
            spread = np.std(found[rates], ddof=1) / seeds**0.5 if seeds > 1 else np.nan
            yield {
                "tile": tile,
                "rule": rule,
                "states": states,
                "error": np.mean(found[rates]),
                "standard_error": spread,
                "lr": rates[0],
                "transfer_lr": rates[1],
            }


def error(config, lr: float, updates: int, seed: int) -> float:
    """Root mean square of W - target, mean of the last tenth of the training."""
    generator = torch.Generator().manual_seed(seed)
    target = (torch.rand(SIZE, SIZE, generator=generator) * 2.0 - 1.0) * 0.3
    torch.manual_seed(seed)
    layer = AnalogLinear(SIZE, SIZE, bias=False, rpu_config=config)
    layer.set_weights(torch.zeros(SIZE, SIZE))
    tile = next(layer.analog_tiles())
    tile.set_learning_rate(lr)
    ends = []
    for update in range(updates):
        x = torch.randn(1, SIZE, generator=generator)
        y = x @ target.T + NOISE * torch.randn(1, SIZE, generator=generator)
        tile.tile.update(x, tile.tile.forward(x) - y, False)
        if update >= 0.9 * updates and update % 10 == 0:
            ends.append(float((layer.get_weights()[0] - target).square().mean().sqrt()))
    return float(np.mean(ends))


def ours(device: dict, rule: str, rates: tuple, seed: int) -> PCMConfig:
    transfer = {"kind": rule, "transfer_lr": rates[1], "gamma": GAMMA}
    update = {"kind": "pulsed"} if rule == "sgd" else transfer
    update |= {"trains": "per_sample", "refresh": {"every_updates": 1}}
    return PCMConfig(device=device, io="perfect", update=update, seed=seed)


def of_equal_steps(rule: str, states: int, rates: tuple, seed: int) -> PCMConfig:
    return ours({"model": "linear", "g_max_uS": 25.0, "step_uS": 25.0 / states}, rule, rates, seed)


def of_shrinking_steps(rule: str, states: int, rates: tuple, seed: int) -> PCMConfig:
    scale = PULSES_OF_EXP_STEP / states
    finer = {"dw_min": 0.01 * scale, "dw_min_std_add": 0.042 * scale}
    return ours({"model": "exp_step", **finer}, rule, rates, seed)


def in_aihwkit(rule: str, states: int, rates: tuple, seed: int):
    no_spread = dict.fromkeys(
        ("dw_min_dtod", "dw_min_std", "up_down", "up_down_dtod", "w_min_dtod", "w_max_dtod"), 0.0
    )
    devices = [
        ConstantStepDevice(w_min=-1.0, w_max=1.0, dw_min=1.0 / states, **no_spread)
        for _ in range(2)
    ]
    around = {
        "forward": IOParameters(is_perfect=True),
        "backward": IOParameters(is_perfect=True),
        "update": UpdateParameters(
            desired_bl=64, update_bl_management=False, update_management=True
        ),
    }
    if rule == "sgd":
        return SingleRPUConfig(device=devices[0], **around)
    compound = {"tiki_taka": TransferCompound, "ttv2": BufferedTransferCompound}[rule]
    # The buffered compound multiplies its transfer by gamma.
    transfer_lr = rates[1] / (GAMMA if rule == "ttv2" else 1.0)
    cell = compound(
        unit_cell_devices=devices,
        transfer_lr=transfer_lr,
        gamma=GAMMA,
        transfer_forward=IOParameters(is_perfect=True),
    )
    return UnitCellRPUConfig(device=cell, **around)


TILES = {
    "equal steps, our pairs": of_equal_steps,
    "equal steps, aihwkit": in_aihwkit,
    "PCM-like steps, our pairs": of_shrinking_steps,
}


def picture(frame: pd.DataFrame) -> alt.TopLevelMixin:
    chart = alt.Chart().encode(
        x=alt.X("states:Q", title="SET pulses from RESET to the end").scale(type="log", base=2),
        color=alt.Color("rule:N", title=None, sort=list(GRID)),
    )
    lines = chart.mark_line(point=True).encode(
        y=alt.Y("error:Q", title="root mean square error of the weights").scale(type="log")
    )
    ranges = chart.transform_calculate(
        low="datum.error - datum.standard_error", high="datum.error + datum.standard_error"
    ).mark_rule()
    layers = alt.layer(lines, ranges.encode(y="low:Q", y2="high:Q"), data=frame)
    return layers.properties(width=260, height=240).facet("tile:N", columns=len(TILES))


if __name__ == "__main__":
    main()
