"""ResNet9: eight convolutions, two residual blocks, one matrix."""

import torch
from torch import Tensor, nn

from imc_grapes.networks.base import NETWORKS, Dropout, NetworkConfig, Width
from imc_grapes.networks.initialisation import he_uniform_
from kernels.errors import InputError


class ResidualBlock(nn.Module):
    """``x + second(first(x))``."""

    def __init__(self, first: nn.Sequential, second: nn.Sequential) -> None:
        super().__init__()
        self.first = first
        self.second = second

    def forward(self, x: Tensor) -> Tensor:
        """``[batch, channels, height, width]``, as `x`."""
        added: Tensor = x + self.second(self.first(x))
        return added


@NETWORKS.register("resnet9")
class ResNet9Config(NetworkConfig):
    """Eight 3x3 convolutions with batch normalisation and two residual blocks, then one matrix."""

    width: Width = 64
    """Filters of the first convolution; the others have 2, 4 or 8 times as many."""
    dropout: Dropout = 0.0
    """Probability that an input of the last matrix is dropped in training."""
    bias: bool = False
    """Whether the last matrix has biases, which are digital, also on a crossbar."""

    def build(
        self, shape: tuple[int, ...], classes: int, generator: torch.Generator
    ) -> nn.Sequential:
        """The ResNet9 of the GRAPES paper; returns logits ``[batch, classes]``.

        Channels w-2w-[2w-2w residual]-4w-8w-[8w-8w residual]-linear with w = `width`, max-pooling after convolutions
        2, 5 and 6 (Dellaferrera et al., Nat. Commun. 13, 1885 (2022), authors' code). Every convolution is 3x3 without
        a bias, then batch normalisation and ReLU; a residual is added behind the ReLU of its block. What the last block
        gives is flattened for the matrix, and dropout, if any, acts on that (*inferred*).

        Raises:
            InputError: the images are too small to be halved three times.
        """
        channels, height, width = shape
        if min(height, width) < 8:
            raise InputError(
                f"network.kind: resnet9 halves images three times, which {height}x{width} are too small for"
            )
        w = self.width
        area = (height // 8) * (width // 8)
        network = nn.Sequential()
        network.add_module("conv1", _convolution(channels, w))
        network.add_module("conv2", _convolution(w, 2 * w, pooled=True))
        network.add_module("residual1", _residual_block(2 * w))
        network.add_module("conv5", _convolution(2 * w, 4 * w, pooled=True))
        network.add_module("conv6", _convolution(4 * w, 8 * w, pooled=True))
        network.add_module("residual2", _residual_block(8 * w))
        network.add_module("flatten", nn.Flatten())
        if self.dropout:
            network.add_module("dropout", nn.Dropout(self.dropout))
        network.add_module("linear", nn.Linear(8 * w * area, classes, bias=self.bias))
        he_uniform_(network, generator)
        return network


def _convolution(n_in: int, n_out: int, *, pooled: bool = False) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(n_in, n_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(n_out),
        nn.ReLU(),
    ]
    if pooled:
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


def _residual_block(n: int) -> ResidualBlock:
    return ResidualBlock(_convolution(n, n), _convolution(n, n))
