"""From a config to a digital network with its initial weights."""

import math

import torch
from torch import nn

from imc_grapes.config.schema import (
    DataConfig,
    ImageNetworkConfig,
    LeNetConfig,
    MLPConfig,
    ResNet9Config,
    RunConfig,
)
from imc_grapes.data import Dataset
from imc_grapes.networks.cnn import build_cnn
from imc_grapes.networks.initialisation import he_uniform_
from imc_grapes.networks.lenet import build_lenet
from imc_grapes.networks.mlp import build_mlp
from imc_grapes.networks.resnet9 import build_resnet9


def build_network_for(config: RunConfig, dataset: Dataset, generator: torch.Generator) -> nn.Module:
    """The network of `config` for the samples of `dataset`, its weights drawn from `generator`.

    Raises:
        InputError: the images are too small for the network, or tied weights differ in size.
    """
    network = config.network
    if isinstance(network, ImageNetworkConfig):
        return build_network(network, dataset.image_shape, dataset.n_classes, generator)
    # Imported only here: the kernel of the spiking units takes seconds to compile.
    from imc_grapes.networks.rate_coded import RateCodedClassifier, RateEncoder
    from imc_grapes.networks.row_sequential import RowSequentialClassifier
    from imc_grapes.networks.sequence import build_sequence_network

    by_rows = isinstance(config.data, DataConfig) and config.data.sequence == "rows"
    n_inputs = dataset.train.n_features
    if by_rows:
        n_inputs //= dataset.image_shape[1]
    over_time = build_sequence_network(network, n_inputs, dataset.n_classes, generator)
    if by_rows:
        return RowSequentialClassifier(over_time)
    coding = config.data.rate_coding if isinstance(config.data, DataConfig) else None
    if coding is None:
        return over_time
    return RateCodedClassifier(RateEncoder(coding, config.seed), over_time)


def build_network(
    config: ImageNetworkConfig,
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
    elif isinstance(config, LeNetConfig):
        network = build_lenet(config, image_shape, n_classes)
    elif isinstance(config, ResNet9Config):
        network = build_resnet9(config, image_shape, n_classes)
    else:
        network = build_cnn(config, image_shape, n_classes)
    he_uniform_(network, generator)
    return network
