"""The importance kernel against the read bandwidth of the machine and against torch; GRAPES on against off.

    python benchmarks/bench_importance.py

The bandwidth limit is a plain sum over the same bytes, with as many threads. The training step is that of a
784-256-256-10 network on PCM tiles, batch 64.
"""

from collections.abc import Callable

import numpy as np
import torch
from side_by_side import print_ratios, time_side_by_side
from torch import nn
from torch.nn import functional

from imc_grapes import Grapes
from kernels.importance import per_device
from kernels.threads import get_threads

SIZES = (512, 4096, 8192)


def compare_kernels(size: int) -> None:
    g_plus, g_minus = np.random.default_rng(0).uniform(0, 25, (2, size, size)).astype(np.float32)
    both = torch.from_numpy(np.stack([g_plus, g_minus]))
    plus, minus = torch.from_numpy(g_plus), torch.from_numpy(g_minus)
    timings = time_side_by_side(
        {
            "per_device": lambda: per_device(g_plus, g_minus),
            "plain sum of the same bytes (bandwidth limit)": lambda: both.sum(),
            "torch (g_plus - g_minus).abs().sum(1)": lambda: (plus - minus).abs().sum(1),
        }
    )
    print_ratios(
        f"importance of {size} x {size} pairs, {get_threads()} thread(s)",
        timings,
        target="limit >= 0.95; torch >= 8 from 4096 on",
    )


def training_step(*, grapes: bool) -> Callable[[], None]:
    from aihwkit.nn import AnalogLinear
    from aihwkit.optim import AnalogSGD

    from crossbar import PCMConfig

    torch.manual_seed(0)
    config = PCMConfig(device="nandakumar2018", update="pulsed", seed=0)
    model = nn.Sequential(
        AnalogLinear(784, 256, bias=False, rpu_config=config),
        nn.ReLU(),
        AnalogLinear(256, 256, bias=False, rpu_config=config),
        nn.ReLU(),
        AnalogLinear(256, 10, bias=False, rpu_config=config),
    )
    if grapes:
        Grapes(model)
    optimizer = AnalogSGD(model.parameters(), lr=0.05)
    optimizer.regroup_param_groups(model)
    images, labels = torch.rand(64, 784), torch.randint(0, 10, (64,))
    images *= torch.rand(64, 784) < 0.2

    def step() -> None:
        optimizer.zero_grad()
        functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step


def main() -> None:
    torch.set_num_threads(get_threads())
    for size in SIZES:
        compare_kernels(size)
    torch.set_num_threads(1)
    steps = {"without": training_step(grapes=False), "with GRAPES": training_step(grapes=True)}
    timings = time_side_by_side(steps, rounds=101)
    print_ratios("training step on PCM tiles", timings, target="with GRAPES <= 1.02")


if __name__ == "__main__":
    main()
