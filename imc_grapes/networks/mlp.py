"""Multi-layer perceptron."""

import math
from itertools import pairwise

import torch
from pydantic import Field
from torch import nn

from imc_grapes.networks.activations import ACTIVATIONS
from imc_grapes.networks.base import NETWORKS, Activation, NetworkConfig, Width
from imc_grapes.networks.initialisation import he_uniform_


@NETWORKS.register("mlp")
class MLPConfig(NetworkConfig):
    """Fully connected layers."""

    hidden: tuple[Width, ...] = (256, 256)
    """Nodes of each hidden layer."""
    activation: Activation = "relu"
    """Nonlinearity behind each hidden layer."""
    bias: bool = False
    """Whether layers have biases, which are digital, also on a crossbar."""
    dropout: float = Field(0.0, ge=0.0, lt=1.0)
    """Probability that a hidden node is dropped in training."""

    def build(
        self, shape: tuple[int, ...], classes: int, generator: torch.Generator
    ) -> nn.Sequential:
        """Flatten, then ``inputs - hidden... - classes``; returns logits ``[batch, classes]``."""
        n_inputs = math.prod(shape)
        layers: list[nn.Module] = [nn.Flatten()]
        for n_in, n_out in pairwise((n_inputs, *self.hidden)):
            layers += [nn.Linear(n_in, n_out, bias=self.bias), ACTIVATIONS[self.activation]()]
            if self.dropout:
                layers.append(nn.Dropout(self.dropout))
        last = self.hidden[-1] if self.hidden else n_inputs
        network = nn.Sequential(*layers, nn.Linear(last, classes, bias=self.bias))
        he_uniform_(network, generator)
        return network

    def hidden_layers(self) -> int:
        """As many as `hidden` says."""
        return len(self.hidden)
