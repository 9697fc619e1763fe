"""Batches of one image and batch normalisation."""

import pytest
import torch
from torch import nn

from imc_grapes.data.dataset import Dataset, Split
from imc_grapes.networks.cnn import CNNConfig
from imc_grapes.networks.resnet9 import ResNet9Config
from imc_grapes.training.single_samples import refuse_single_values
from kernels.errors import InputError


def images(n, size):
    return Split(torch.rand(n, 1, size, size), torch.zeros(n, dtype=torch.int64))


def dataset(n, size):
    return Dataset("x", 10, images(n, size), images(2, size), images(2, size))


def resnet9(size):
    config = ResNet9Config(kind="resnet9", width=2)
    return config.build((1, size, size), 10, torch.Generator().manual_seed(0))


def trains_on_one(network, size):
    try:
        network.train()(torch.rand(1, 1, size, size))
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(("n", "batch_size"), [(33, 32), (33, 8), (5, 1), (1, 64)])
def test_a_batch_of_one_small_image_is_refused_with_the_remedy(n, batch_size):
    network = resnet9(8)
    with pytest.raises(InputError, match=r"data.batch_size: .*'residual2.first.1'") as caught:
        refuse_single_values(network, dataset(n, 8), batch_size)
    if n == 33:
        named = int(str(caught.value).split("; ")[1].split()[0])
        assert named > 1
        assert n % named != 1
        refuse_single_values(network, dataset(n, 8), named)
    assert network.training
    assert not any(module._forward_pre_hooks for module in network.modules())
    assert all(
        int(module.num_batches_tracked) == 0
        for module in network.modules()
        if isinstance(module, nn.BatchNorm2d)
    )
    assert not trains_on_one(network, 8)


@pytest.mark.parametrize(("n", "batch_size", "size"), [(32, 32, 8), (34, 32, 8), (33, 32, 16)])
def test_what_can_be_normalised_is_left_alone(n, batch_size, size):
    refuse_single_values(resnet9(size), dataset(n, size), batch_size)
    if n % batch_size == 1:
        assert trains_on_one(resnet9(size), size)


def test_networks_whose_feature_maps_stay_large_take_a_batch_of_one():
    config = CNNConfig(kind="cnn", channels=(3, 3), batch_norm=True)
    network = config.build((1, 8, 8), 10, torch.Generator().manual_seed(0))
    refuse_single_values(network, dataset(33, 8), 32)
    assert trains_on_one(network, 8)


def test_a_normalisation_behind_a_matrix_is_found():
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 4), nn.BatchNorm1d(4))
    with pytest.raises(InputError, match="'2' sees a single value per channel"):
        refuse_single_values(network, dataset(33, 8), 32)
