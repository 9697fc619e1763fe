"""The PCM tile beside aihwkit's `PCMPreset`: one update, one training step, one read of the importance.

All of them on one thread. Run with: python benchmarks/bench_pcm_tile.py
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from aihwkit.nn import AnalogLinear
from aihwkit.optim import AnalogSGD
from aihwkit.simulator.presets import PCMPreset
from side_by_side import print_ratios, time_side_by_side
from torch import Tensor, nn

from crossbar import PCMConfig, conductances
from kernels.importance import per_device
from kernels.threads import set_threads

N_IN, N_OUT, BATCH = 784, 256, 64
LEARNING_RATE = 0.1
ERROR = 0.003
"""std of the error at a hidden node of an MNIST network under the mean loss of a mini-batch."""


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    set_threads(1)
    sparse = torch.rand(BATCH, N_IN) * (torch.rand(BATCH, N_IN) < 0.2)
    for title, target, x in (
        ("inputs with 80 % zeros", ">= 20", sparse),
        ("dense inputs", ">= 10", torch.rand(BATCH, N_IN)),
    ):
        compare_updates(title, target, x)
    compare_steps(sparse)
    compare_importance()


def ours(**config: Any) -> PCMConfig:
    return PCMConfig(device="nandakumar2018", seed=0, **config)


def presets() -> Any:
    """aihwkit's preset with one tile per layer, as ours has."""
    config = PCMPreset()
    config.mapping.max_input_size = config.mapping.max_output_size = 0
    return config


def tile_of(config: Any) -> Any:
    layer = AnalogLinear(N_IN, N_OUT, bias=False, rpu_config=config)
    tile = next(layer.analog_tiles())
    tile.set_learning_rate(LEARNING_RATE)
    return tile


def compare_updates(title: str, target: str, x: Tensor) -> None:
    d = torch.randn(BATCH, N_OUT) * ERROR
    configs = {
        "pulsed (ours)": ours(update="pulsed"),
        "pulsed, trains per sample (ours)": ours(update={"kind": "pulsed", "trains": "per_sample"}),
        "pulsed, 7 devices per polarity (ours)": ours(
            update="pulsed", array={"devices_per_polarity": 7}
        ),
        "accumulated (ours)": ours(update="accumulated"),
        "aihwkit PCMPreset": presets(),
    }
    rivals = {name: update_of(tile_of(config), x, d) for name, config in configs.items()}
    print_ratios(
        f"update of a {N_IN} x {N_OUT} tile, batch {BATCH}, {title}",
        time_side_by_side(rivals),
        f"aihwkit / pulsed {target}",
    )


def update_of(tile: Any, x: Tensor, d: Tensor) -> Callable[[], object]:
    return lambda: tile.update(x, d)


def compare_steps(x: Tensor) -> None:
    labels = torch.randint(0, 10, (BATCH,))
    configs = {
        "pulsed (ours)": ours(update="pulsed"),
        "accumulated (ours)": ours(update="accumulated"),
        "aihwkit PCMPreset": presets(),
    }
    rivals = {name: step_of(config, x, labels) for name, config in configs.items()}
    print_ratios(
        f"training step of {N_IN}-256-256-10, batch {BATCH}, 80 % zeros",
        time_side_by_side(rivals),
        "aihwkit / pulsed >= 8",
    )


def step_of(config: Any, x: Tensor, labels: Tensor) -> Callable[[], object]:
    sizes = (N_IN, 256, 256, 10)
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [AnalogLinear(n_in, n_out, bias=False, rpu_config=config), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    optimizer = AnalogSGD(model.parameters(), lr=LEARNING_RATE)

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), labels).backward()
        optimizer.step()

    return step


def compare_importance() -> None:
    tile, rival = tile_of(ours(update="pulsed")), tile_of(presets())

    def view() -> object:
        return [(held.g_plus, held.g_minus) for held in conductances(tile)]

    def importance() -> object:
        return [per_device(held.g_plus, held.g_minus) for held in conductances(tile)]

    (held,) = conductances(tile)
    assert np.shares_memory(held.g_plus, tile.g_plus)
    print_ratios(
        f"conductances of a {N_IN} x {N_OUT} tile",
        time_side_by_side(
            {
                "conductances (ours)": view,
                "conductances and importance (ours)": importance,
                "aihwkit get_hidden_parameters": rival.get_hidden_parameters,
            }
        ),
        "aihwkit / conductances >= 1000",
    )


if __name__ == "__main__":
    main()
