"""Small convolutional network."""

from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import nn

from imc_grapes.networks.activations import ACTIVATIONS
from imc_grapes.networks.base import NETWORKS, Activation, NetworkConfig, Width
from imc_grapes.networks.initialisation import he_uniform_
from kernels.errors import InputError


@NETWORKS.register("cnn")
class CNNConfig(NetworkConfig):
    """Blocks of convolution, activation and 2x2 max-pooling, then fully connected layers."""

    channels: tuple[Width, ...] = Field((16, 32), min_length=1)
    """Filters of each convolution."""
    kernel_size: Literal[1, 3, 5, 7] = 3
    """Side of the filters, pixels; the images are padded so that only pooling shrinks them."""
    hidden: tuple[Width, ...] = (64,)
    """Nodes of each fully connected hidden layer behind the convolutions."""
    activation: Activation = "relu"
    """Nonlinearity behind each convolution and hidden layer."""
    batch_norm: bool = False
    """Batch normalisation between each convolution and its activation."""
    bias: bool = False
    """Whether layers have biases, which are digital, also on a crossbar."""

    def build(
        self, shape: tuple[int, ...], classes: int, generator: torch.Generator
    ) -> nn.Sequential:
        """Convolutions that each halve the image by max-pooling, then a perceptron; logits ``[batch, classes]``.

        Raises:
            InputError: the image is too small to be halved that often.
        """
        channels, height, width = shape
        activation = ACTIVATIONS[self.activation]
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise((channels, *self.channels)):
            if min(height, width) < 2:
                raise InputError(
                    f"network.channels: {len(self.channels)} poolings are too many for images of "
                    f"{shape[1]}x{shape[2]}"
                )
            padding = self.kernel_size // 2
            layers.append(nn.Conv2d(n_in, n_out, self.kernel_size, padding=padding, bias=self.bias))
            if self.batch_norm:
                layers.append(nn.BatchNorm2d(n_out))
            layers += [activation(), nn.MaxPool2d(2)]
            height, width = height // 2, width // 2
        layers.append(nn.Flatten())
        widths = (self.channels[-1] * height * width, *self.hidden)
        for n_in, n_out in pairwise(widths):
            layers += [nn.Linear(n_in, n_out, bias=self.bias), activation()]
        network = nn.Sequential(*layers, nn.Linear(widths[-1], classes, bias=self.bias))
        he_uniform_(network, generator)
        return network

    def hidden_layers(self) -> int:
        """Convolutions, and the matrices behind them."""
        return len(self.channels) + len(self.hidden)
