"""Activation functions by the names that configs use."""

from torch import nn

from imc_grapes.networks.base import Activation

ACTIVATIONS: dict[Activation, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}
