"""Networks: multi-layer perceptron and convolutional network, He-uniform, no biases unless asked for."""

from imc_grapes.networks.build import build_network

__all__ = ["build_network"]
