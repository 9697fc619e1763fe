import math

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from imc_grapes import InputError, RunConfig
from imc_grapes.data.load import load_dataset
from imc_grapes.networks.build import RowSequentialClassifier, build_network_for, rows
from imc_grapes.networks.cnn import CNNConfig
from imc_grapes.networks.gru import GRUConfig
from imc_grapes.networks.lenet import LeNetConfig
from imc_grapes.networks.mlp import MLPConfig
from imc_grapes.networks.resnet9 import ResNet9Config
from imc_grapes.networks.sequence import build_sequence_network


def built(config, image_shape=(1, 8, 8), n_classes=10, seed=0):
    return config.build(image_shape, n_classes, torch.Generator().manual_seed(seed))


def shapes(network):
    return [tuple(p.shape) for p in network.parameters()]


def test_the_mlp_of_the_paper_has_no_biases():
    network = built(MLPConfig(kind="mlp"), (1, 28, 28))
    assert shapes(network) == [(256, 784), (256, 256), (10, 256)]
    assert network(torch.rand(3, 1, 28, 28)).shape == (3, 10)


def test_an_mlp_with_everything():
    config = MLPConfig(kind="mlp", hidden=(5, 4), activation="tanh", bias=True, dropout=0.25)
    network = built(config, (2, 3, 3), 7)
    assert shapes(network) == [(5, 18), (5,), (4, 5), (4,), (7, 4), (7,)]
    kinds = [type(layer).__name__ for layer in network]
    block = ["Linear", "Tanh", "Dropout"]
    assert kinds == ["Flatten", *block, *block, "Linear"]
    assert network[3].p == 0.25


def test_an_mlp_without_hidden_layers_is_one_matrix():
    assert shapes(built(MLPConfig(kind="mlp", hidden=()))) == [(10, 64)]


@pytest.mark.parametrize("kernel_size", [1, 3, 5, 7])
@pytest.mark.parametrize("image_shape", [(1, 8, 8), (3, 9, 7)])
def test_only_pooling_shrinks_the_images_of_a_cnn(kernel_size, image_shape):
    config = CNNConfig(kind="cnn", channels=(4, 6), kernel_size=kernel_size, hidden=(5,))
    network = built(config, image_shape)
    area = (image_shape[1] // 4) * (image_shape[2] // 4)
    assert shapes(network) == [
        (4, image_shape[0], kernel_size, kernel_size),
        (6, 4, kernel_size, kernel_size),
        (5, 6 * area),
        (10, 5),
    ]
    assert network(torch.rand(2, *image_shape)).shape == (2, 10)


def test_batch_norm_stands_between_convolution_and_activation():
    config = CNNConfig(kind="cnn", channels=(4,), hidden=(), batch_norm=True, activation="sigmoid")
    kinds = [type(layer).__name__ for layer in built(config)]
    assert kinds == ["Conv2d", "BatchNorm2d", "Sigmoid", "MaxPool2d", "Flatten", "Linear"]


def test_too_many_poolings_are_an_error():
    with pytest.raises(InputError, match=r"network\.channels: 4 poolings .* 8x8"):
        built(CNNConfig(kind="cnn", channels=(2, 2, 2, 2)))


def test_weights_are_he_uniform_and_biases_zero():
    network = built(CNNConfig(kind="cnn", channels=(64, 64), hidden=(128,), bias=True), (1, 28, 28))
    for layer in network:
        if isinstance(layer, nn.Linear | nn.Conv2d):
            limit = math.sqrt(6 / layer.weight[0].numel())
            weights = layer.weight.detach().flatten()
            assert weights.abs().max() <= limit
            if len(weights) > 10_000:
                assert weights.abs().max() > 0.99 * limit
                assert float(weights.mean()) == pytest.approx(0, abs=0.03 * limit)
                assert float(weights.std()) == pytest.approx(limit / math.sqrt(3), rel=0.02)
            assert not layer.bias.any()


def test_the_generator_fixes_the_weights():
    config = MLPConfig(kind="mlp", hidden=(6,))
    one, same, other = built(config, seed=1), built(config, seed=1), built(config, seed=2)
    assert torch.equal(one[1].weight, same[1].weight)
    assert not torch.equal(one[1].weight, other[1].weight)


def test_lenet_on_28x28_has_the_sizes_that_go_by_its_name():
    network = built(LeNetConfig(kind="lenet", bias=True), (1, 28, 28))
    assert shapes(network)[::2] == [(6, 1, 5, 5), (16, 6, 5, 5), (120, 400), (84, 120), (10, 84)]
    assert sum(p.numel() for p in network.parameters()) == 61_706
    assert network(torch.rand(2, 1, 28, 28)).shape == (2, 10)


def test_lenet_refuses_images_that_its_second_convolution_would_use_up():
    assert built(LeNetConfig(kind="lenet"), (1, 12, 12))(torch.rand(2, 1, 12, 12)).shape == (2, 10)
    with pytest.raises(InputError, match=r"lenet needs images of at least 12x12 \(got 28x11\)"):
        built(LeNetConfig(kind="lenet"), (1, 28, 11))


def test_resnet9_has_the_channels_of_the_paper():
    network = built(ResNet9Config(kind="resnet9"), (3, 32, 32))
    convolutions = [p for p in network.parameters() if p.dim() == 4]
    assert [tuple(p.shape[:2]) for p in convolutions] == [
        (64, 3),
        (128, 64),
        (128, 128),
        (128, 128),
        (256, 128),
        (512, 256),
        (512, 512),
        (512, 512),
    ]
    assert network.linear.weight.shape == (10, 512 * 4 * 4)


@pytest.mark.parametrize(("image_shape", "area"), [((1, 28, 28), 9), ((3, 8, 9), 1)])
def test_resnet9_scales_with_width_and_takes_any_image_of_8_pixels(image_shape, area):
    network = built(ResNet9Config(kind="resnet9", width=3), image_shape, 7)
    assert network.linear.weight.shape == (7, 24 * area)
    assert network(torch.rand(2, *image_shape)).shape == (2, 7)
    with pytest.raises(InputError, match="resnet9 halves images three times"):
        built(ResNet9Config(kind="resnet9", width=3), (1, 7, 9))


def test_dropout_of_resnet9_rests_in_evaluation():
    network = built(ResNet9Config(kind="resnet9", width=2, dropout=0.5), (1, 8, 8)).eval()
    images = torch.rand(4, 1, 8, 8)
    assert torch.equal(network(images), network(images))
    network.dropout.train()
    assert not torch.equal(network(images), network(images))


def test_rows_of_an_image_come_from_top_to_bottom_and_the_last_output_answers():
    images = torch.rand(2, 3, 4, 5)
    sequence = rows(images)
    assert sequence.shape == (4, 2, 15)
    assert torch.equal(sequence[1, 0], images[0, :, 1].flatten())
    network = build_sequence_network(
        GRUConfig(hidden=(6,)), 15, 7, torch.Generator().manual_seed(0)
    )
    answers = RowSequentialClassifier(network)(images)
    assert torch.equal(answers, network(sequence)[0][-1])
    assert answers.shape == (2, 7)


@pytest.mark.parametrize(
    "network",
    [
        {"kind": "mlp", "hidden": [1_000_000, 1_000_000]},
        {"kind": "cnn", "channels": [100_000, 100_000], "hidden": [8]},
        {"kind": "lstm", "hidden": [200_000]},
    ],
)
def test_more_weights_than_a_machine_has_room_for_are_refused_before_room_is_made(network):
    config = RunConfig.model_validate(
        {
            "name": "large",
            "data": {"name": "digits", "sequence": "rows"}
            if network["kind"] == "lstm"
            else {"name": "digits"},
            "network": network,
        }
    )
    dataset = load_dataset(config.data, 0)
    with pytest.raises(InputError, match=r"network: with a layer of shape .*1,073,741,824 numbers"):
        build_network_for(config.network, config.data, 0, dataset, torch.Generator())


def test_a_layer_of_a_hundred_million_nodes_is_none():
    values = {
        "name": "large",
        "data": {"name": "digits"},
        "network": {"kind": "mlp", "hidden": [10**8]},
    }
    with pytest.raises(ValidationError, match="less than or equal to 1000000"):
        RunConfig.model_validate(values)
