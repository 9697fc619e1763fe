"""Networks: multi-layer perceptron, CNN, LeNet, ResNet9, and networks over time of spiking units, RNN, LSTM, GRU."""

from imc_grapes.networks.build import build_network, build_network_for

__all__ = ["build_network", "build_network_for"]
