"""GRAPES on convolutional networks against backpropagation by hand, in NumPy float64."""

import convolution_oracle as oracle
import numpy as np
import pytest
import torch
from torch import nn

from imc_grapes import Grapes
from imc_grapes.networks.lenet import LeNetConfig
from imc_grapes.networks.resnet9 import ResNet9Config

MODES = ["propagating", "local", "lr_matched"]


def exact(tensor):
    return tensor.detach().numpy().astype(np.float64)


def built(config, image_shape, n_classes=4):
    network = config.build(image_shape, n_classes, torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    for parameter in network.parameters():
        spread = torch.rand(len(parameter), generator=generator) * 1.5 + 0.3
        parameter.data.mul_(spread.view(-1, *[1] * (parameter.dim() - 1)))
        if parameter.dim() == 1:
            parameter.data.add_(0.2 * torch.randn(len(parameter), generator=generator))
    return network


def as_oracle(modules, mode):
    """The same network; the last weights are never modulated."""
    weights = [m for m in modules if isinstance(m, nn.Conv2d | nn.Linear)]

    def convert(module):
        if isinstance(module, nn.Conv2d | nn.Linear):
            of = None if module is weights[-1] else mode
            if isinstance(module, nn.Linear):
                return oracle.Matrix(exact(module.weight), of)
            return oracle.Convolution(exact(module.weight), module.padding[0], of)
        if isinstance(module, nn.BatchNorm2d):
            return oracle.Norm(exact(module.weight), exact(module.bias))
        return {nn.ReLU: oracle.ReLU, nn.MaxPool2d: oracle.MaxPool}[type(module)]()

    layers, current = [], []
    for module in modules:
        if isinstance(module, nn.Flatten):
            continue
        if isinstance(module, nn.Conv2d | nn.Linear) and current:
            layers.append(oracle.Layer(*map(convert, current)))
            current = []
        current.append(module)
    return [*layers, oracle.Layer(*map(convert, current))]


def leaves(network):
    return [m for m in network.modules() if not list(m.children())]


def compare(network, reference, mode, x, limit):
    Grapes(network, mode)
    x.requires_grad_()
    outputs = network(x)
    outputs.square().sum().backward()
    expected_outputs = oracle.run(reference, exact(x))
    assert relative_error(outputs, expected_outputs) < limit
    expected, to_input = oracle.back(reference, 2 * expected_outputs)
    for parameter, gradient in zip(network.parameters(), expected, strict=True):
        assert relative_error(parameter.grad, gradient) < limit
    assert relative_error(x.grad, to_input) < limit


def relative_error(found, expected):
    return np.abs(exact(found) - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
def test_lenet(mode, dtype):
    network = built(LeNetConfig(kind="lenet"), (2, 13, 12)).to(dtype)
    x = torch.rand((3, 2, 13, 12), generator=torch.Generator().manual_seed(2)).to(dtype)
    limit = 1e-10 if dtype == torch.float64 else 1e-5
    compare(network, as_oracle(leaves(network), mode), mode, x, limit)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
def test_resnet9_with_residuals_behind_the_modulated_blocks(mode, dtype):
    network = built(ResNet9Config(kind="resnet9", width=2), (3, 17, 16)).to(dtype)
    flat = as_oracle(leaves(network), mode)
    assert len(flat) == 9
    blocks = [oracle.Residual(*flat[2:4]), oracle.Residual(*flat[6:8])]
    reference = [*flat[:2], blocks[0], *flat[4:6], blocks[1], flat[8]]
    x = torch.rand((6, 3, 17, 16), generator=torch.Generator().manual_seed(2)).to(dtype)
    compare(network, reference, mode, x, 1e-10 if dtype == torch.float64 else 1e-5)
