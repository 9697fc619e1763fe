"""From a config to a digital network with its initial weights."""

import math

import torch
from torch import nn

from imc_grapes.config.schema import CNNConfig, MLPConfig
from imc_grapes.networks.cnn import build_cnn
from imc_grapes.networks.initialisation import he_uniform_
from imc_grapes.networks.mlp import build_mlp


def build_network(
    config: MLPConfig | CNNConfig,
    image_shape: tuple[int, int, int],
    n_classes: int,
    generator: torch.Generator,
) -> nn.Sequential:
    """The network of `config` for images of `image_shape`, its weights drawn from `generator`.

    Raises:
        InputError: the images are too small for the network.
    """
    if isinstance(config, MLPConfig):
        network = build_mlp(config, math.prod(image_shape), n_classes)
    else:
        network = build_cnn(config, image_shape, n_classes)
    he_uniform_(network, generator)
    return network
