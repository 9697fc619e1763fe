"""The network of a config, with its initial weights, as the samples of a data set need it."""

import torch
from torch import Tensor, nn

from imc_grapes.data.base import DataConfig, ImageData
from imc_grapes.data.dataset import Dataset
from imc_grapes.networks.base import NetworkConfig
from imc_grapes.networks.weight_limit import WeightLimit
from imc_grapes.networks.weights import load_weights


def build_network_for(
    network: NetworkConfig,
    data: DataConfig,
    seed: int,
    dataset: Dataset,
    generator: torch.Generator,
) -> nn.Module:
    """The network for the samples of `dataset`, its weights drawn from `generator`; `seed` decides spike trains.

    Raises:
        InputError: the network has more than 2^30 weights, the images are too small for it, tied weights differ in
            size, or the file of weights is none, or another network's.
    """
    if network.takes == "images":
        return _with_weights(network, dataset.image_shape, dataset.n_classes, generator)
    # Imported only here: the kernel of the spiking units takes seconds to compile.
    from imc_grapes.networks.rate_coded import RateCodedClassifier, RateEncoder

    n_inputs = dataset.train.n_features
    by_rows = isinstance(data, ImageData) and data.sequence == "rows"
    if by_rows:
        n_inputs //= dataset.image_shape[1]
    over_time = _with_weights(network, (n_inputs,), dataset.n_classes, generator)
    if by_rows:
        return RowSequentialClassifier(over_time)
    coding = data.rate_coding if isinstance(data, ImageData) else None
    if coding is None:
        return over_time
    return RateCodedClassifier(RateEncoder(coding, seed), over_time)


def _with_weights(
    config: NetworkConfig, shape: tuple[int, ...], classes: int, generator: torch.Generator
) -> nn.Module:
    with WeightLimit():
        built = config.build(shape, classes, generator)
    if config.weights is not None:
        load_weights(built, config.weights)
    return built


class RowSequentialClassifier(nn.Module):
    """Rows of an image from top to bottom, network over time, its output at the last step: ``[batch, classes]``."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """A number per class ``[batch, classes]`` for images ``[batch, channels, height, width]``."""
        outputs, _ = self.network(rows(images))
        last: Tensor = outputs[-1]
        return last


def rows(images: Tensor) -> Tensor:
    """Images ``[batch, channels, height, width]`` as sequences ``[time = height, batch, channels * width]``."""
    return images.permute(2, 0, 1, 3).flatten(2)
