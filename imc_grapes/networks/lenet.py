"""LeNet-like convolutional network."""

import torch
from torch import nn

from imc_grapes.networks.activations import ACTIVATIONS
from imc_grapes.networks.base import NETWORKS, Activation, NetworkConfig
from imc_grapes.networks.initialisation import he_uniform_
from kernels.errors import InputError

_SMALLEST = 12


@NETWORKS.register("lenet")
class LeNetConfig(NetworkConfig):
    """5x5 convolutions of 6 and 16 filters, each with 2x2 max-pooling, then 120-84 nodes."""

    activation: Activation = "relu"
    """Nonlinearity behind each convolution and hidden layer."""
    bias: bool = False
    """Whether layers have biases, which are digital, also on a crossbar."""

    def build(
        self, shape: tuple[int, ...], classes: int, generator: torch.Generator
    ) -> nn.Sequential:
        """Two 5x5 convolutions of 6 and 16 filters, each followed by 2x2 max-pooling, then 120-84-classes; logits.

        After LeCun et al., Proc. IEEE 86, 2278 (1998), with max-pooling, and every filter joined to all channels. The
        first convolution pads by 2, as the 28x28 digits there were padded to 32x32; the second does not pad.

        Raises:
            InputError: the images are too small for the second convolution.
        """
        channels, height, width = shape
        if min(height, width) < _SMALLEST:
            raise InputError(
                f"network.kind: lenet needs images of at least {_SMALLEST}x{_SMALLEST} (got {height}x{width}); "
                "kind cnn takes smaller ones"
            )
        area = ((height // 2 - 4) // 2) * ((width // 2 - 4) // 2)
        activation, bias = ACTIVATIONS[self.activation], self.bias
        network = nn.Sequential(
            nn.Conv2d(channels, 6, 5, padding=2, bias=bias),
            activation(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5, bias=bias),
            activation(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(16 * area, 120, bias=bias),
            activation(),
            nn.Linear(120, 84, bias=bias),
            activation(),
            nn.Linear(84, classes, bias=bias),
        )
        he_uniform_(network, generator)
        return network
