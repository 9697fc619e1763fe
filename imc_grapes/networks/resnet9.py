"""ResNet9: eight convolutions, two residual blocks, one matrix."""

from torch import Tensor, nn

from imc_grapes.config.schema import ResNet9Config
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


def build_resnet9(
    config: ResNet9Config, image_shape: tuple[int, int, int], n_classes: int
) -> nn.Sequential:
    """The ResNet9 of the GRAPES paper; returns logits ``[batch, n_classes]``.

    Channels w-2w-[2w-2w residual]-4w-8w-[8w-8w residual]-linear with w = `config.width`, max-pooling after convolutions
    2, 5 and 6 (Dellaferrera et al., Nat. Commun. 13, 1885 (2022), authors' code). Every convolution is 3x3 without a
    bias, then batch normalisation and ReLU; a residual is added behind the ReLU of its block. What the last block gives
    is flattened for the matrix, and dropout, if any, acts on that (*inferred*).

    Raises:
        InputError: the images are too small to be halved three times.
    """
    channels, height, width = image_shape
    if min(height, width) < 8:
        raise InputError(
            f"network.kind: resnet9 halves images three times, which {height}x{width} are too small for"
        )
    w = config.width
    area = (height // 8) * (width // 8)
    network = nn.Sequential()
    network.add_module("conv1", _convolution(channels, w))
    network.add_module("conv2", _convolution(w, 2 * w, pooled=True))
    network.add_module("residual1", _residual_block(2 * w))
    network.add_module("conv5", _convolution(2 * w, 4 * w, pooled=True))
    network.add_module("conv6", _convolution(4 * w, 8 * w, pooled=True))
    network.add_module("residual2", _residual_block(8 * w))
    network.add_module("flatten", nn.Flatten())
    if config.dropout:
        network.add_module("dropout", nn.Dropout(config.dropout))
    network.add_module("linear", nn.Linear(8 * w * area, n_classes, bias=config.bias))
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
