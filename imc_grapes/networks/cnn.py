"""Small convolutional network."""

from itertools import pairwise

from torch import nn

from imc_grapes.config.schema import CNNConfig
from imc_grapes.networks.activations import ACTIVATIONS
from kernels.errors import InputError


def build_cnn(
    config: CNNConfig, image_shape: tuple[int, int, int], n_classes: int
) -> nn.Sequential:
    """Convolutions that each halve the image by max-pooling, then a perceptron; returns logits ``[batch, n_classes]``.

    Raises:
        InputError: the image is too small to be halved that often.
    """
    channels, height, width = image_shape
    activation = ACTIVATIONS[config.activation]
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise((channels, *config.channels)):
        if min(height, width) < 2:
            raise InputError(
                f"network.channels: {len(config.channels)} poolings are too many for images of "
                f"{image_shape[1]}x{image_shape[2]}"
            )
        padding = config.kernel_size // 2
        layers.append(nn.Conv2d(n_in, n_out, config.kernel_size, padding=padding, bias=config.bias))
        if config.batch_norm:
            layers.append(nn.BatchNorm2d(n_out))
        layers += [activation(), nn.MaxPool2d(2)]
        height, width = height // 2, width // 2
    layers.append(nn.Flatten())
    widths = (config.channels[-1] * height * width, *config.hidden)
    for n_in, n_out in pairwise(widths):
        layers += [nn.Linear(n_in, n_out, bias=config.bias), activation()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], n_classes, bias=config.bias))
