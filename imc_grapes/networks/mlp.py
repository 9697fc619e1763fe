"""Multi-layer perceptron."""

from itertools import pairwise

from torch import nn

from imc_grapes.config.schema import MLPConfig
from imc_grapes.networks.activations import ACTIVATIONS


def build_mlp(config: MLPConfig, n_inputs: int, n_classes: int) -> nn.Sequential:
    """Flatten, then ``n_inputs - hidden... - n_classes``; returns logits ``[batch, n_classes]``."""
    layers: list[nn.Module] = [nn.Flatten()]
    for n_in, n_out in pairwise((n_inputs, *config.hidden)):
        layers += [nn.Linear(n_in, n_out, bias=config.bias), ACTIVATIONS[config.activation]()]
        if config.dropout:
            layers.append(nn.Dropout(config.dropout))
    last = config.hidden[-1] if config.hidden else n_inputs
    return nn.Sequential(*layers, nn.Linear(last, n_classes, bias=config.bias))
