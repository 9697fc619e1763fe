"""A training step of a layer of spiking neural units, against torch's LSTM and the LIF layers of norse and snnTorch.

    pip install --no-deps norse snntorch nir nirtorch    # their metadata ask for torchvision; this does not use it
    python benchmarks/bench_snu.py

Every rival runs forward and backward over the same sequence, on one thread, with as many inputs and units. A peer that
is not installed is left out, and said to be.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

import torch
from side_by_side import print_ratios, time_side_by_side
from torch import Tensor, nn

from imc_grapes import SNU, sSNU

SIZES = {
    "JSB chorales": (128, 32, 88, 150),
    "rate-coded MNIST, first layer": (20, 64, 784, 250),
    "Penn Treebank": (35, 20, 200, 200),
}
"""Time steps, batch, inputs, units."""


class NorseLIF(nn.Module):
    """Linear weights for all time steps at once, then norse's LIF."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.weights = nn.Linear(inputs, units, bias=False)
        self.units = import_module("norse.torch").LIF()

    def forward(self, x: Tensor) -> tuple[Tensor, object]:
        outputs, state = self.units(self.weights(x))
        return outputs, state


class SnnTorchLIF(nn.Module):
    """Linear weights for all time steps at once, then snnTorch's Leaky, step by step as it asks."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.weights = nn.Linear(inputs, units, bias=False)
        self.units = import_module("snntorch").Leaky(beta=0.8)

    def forward(self, x: Tensor) -> tuple[Tensor, object]:
        potential = self.units.init_leaky()
        outputs = []
        for drive in self.weights(x):
            output, potential = self.units(drive, potential)
            outputs.append(output)
        return torch.stack(outputs), potential


PEERS = {"norse": ("norse LIF", NorseLIF), "snntorch": ("snnTorch Leaky", SnnTorchLIF)}


def main() -> None:
    torch.set_num_threads(1)
    for package in PEERS:
        if find_spec(package) is None:
            print(f"{package} is not installed: left out")
    for task, (steps, batch, inputs, units) in SIZES.items():
        x = torch.rand(steps, batch, inputs, generator=torch.Generator().manual_seed(0))
        layers: dict[str, nn.Module] = {
            "SNU": SNU(inputs, units),
            "sSNU": sSNU(inputs, units),
            "recurrent SNU": SNU(inputs, units, recurrent=True),
            "recurrent sSNU": sSNU(inputs, units, recurrent=True),
            "torch.nn.LSTM": nn.LSTM(inputs, units),
        }
        for package, (name, peer) in PEERS.items():
            if find_spec(package) is not None:
                layers[name] = peer(inputs, units)
        timings = time_side_by_side(
            {name: training_step(layer, x) for name, layer in layers.items()}
        )
        print_ratios(
            f"forward and backward, {task}: {steps} steps, batch {batch}, {inputs} -> {units}",
            timings,
            target="LSTM >= 0.67 (SNU at most 1.5 times its time), LIF of norse and snnTorch > 1",
        )


def training_step(layer: nn.Module, x: Tensor) -> Callable[[], None]:
    """Forward and backward through `layer`."""

    def step() -> None:
        layer.zero_grad()
        outputs, _ = layer(x)
        outputs.sum().backward()

    return step


if __name__ == "__main__":
    main()
