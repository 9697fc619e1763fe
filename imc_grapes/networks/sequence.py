"""Networks over time: layers of spiking units, or of torch's RNN, LSTM or GRU, with a readout."""

import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from imc_grapes.config.schema import RecurrentConfig, SequenceNetworkConfig, SNUConfig
from imc_grapes.spiking import SNU, sSNU
from kernels.errors import InputError

_BASELINES: dict[str, type[nn.RNN | nn.LSTM | nn.GRU]] = {
    "rnn": nn.RNN,
    "lstm": nn.LSTM,
    "gru": nn.GRU,
}


class SequenceNetwork(nn.Module):
    """Layers one behind the other, each ``output, state = layer(x, state)``, then a readout.

    Args:
        embedding: turns word numbers into vectors; None where inputs are vectors already.
        layers: the hidden layers, and the last one too if `readout` is None.
        dropout: probability that an output of a hidden layer is dropped in training.
        readout: of the last hidden layer; None if the last layer's outputs are those of the network.
    """

    def __init__(
        self,
        embedding: nn.Embedding | None,
        layers: list[nn.Module],
        dropout: float,
        readout: nn.Linear | None,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.layers = nn.ModuleList(layers)
        self.dropout = nn.Dropout(dropout)
        self.readout = readout

    def forward(self, x: Tensor, state: list[Any] | None = None) -> tuple[Tensor, list[Any]]:
        """Run over a sequence.

        Args:
            x: ``[time, batch, features]``, or word numbers ``[time, batch]``.
            state: from an earlier call, to go on from there.

        Returns:
            Outputs ``[time, batch, n_outputs]`` and the state of every layer after the last step.
        """
        signal = x if self.embedding is None else self.dropout(self.embedding(x))
        states = []
        for index, layer in enumerate(self.layers):
            signal, after = layer(signal, None if state is None else state[index])
            states.append(after)
            if self.readout is not None or index < len(self.layers) - 1:
                signal = self.dropout(signal)
        if self.readout is None:
            return signal, states
        # Two axes only: not every tile takes three.
        return self.readout(signal.flatten(0, 1)).unflatten(0, signal.shape[:2]), states


def build_sequence_network(
    config: SequenceNetworkConfig, n_inputs: int, n_outputs: int, generator: torch.Generator
) -> SequenceNetwork:
    """The network of `config`, its weights drawn from `generator`.

    Raises:
        InputError: tied weights whose sizes differ.
    """
    embedding = None
    if config.embedding is not None:
        embedding = nn.Embedding(n_inputs, config.embedding)
        nn.init.uniform_(embedding.weight, -0.1, 0.1, generator=generator)
        n_inputs = config.embedding
    widths = [n_inputs, *config.hidden]
    if config.output == "units":
        widths.append(n_outputs)
    layers = [_layer(config, before, after, generator) for before, after in pairwise(widths)]
    readout = None
    if config.output == "linear":
        readout = nn.Linear(config.hidden[-1], n_outputs)
        nn.init.xavier_uniform_(readout.weight, generator=generator)
        nn.init.constant_(readout.bias, config.output_bias)
        if config.tied and embedding is not None:
            _tie(readout, embedding)
    return SequenceNetwork(embedding, layers, config.dropout, readout)


def _layer(
    config: SequenceNetworkConfig, n_in: int, n_out: int, generator: torch.Generator
) -> nn.Module:
    if isinstance(config, RecurrentConfig):
        baseline = _BASELINES[config.kind](n_in, n_out)
        for parameter in baseline.parameters():
            limit = 1.0 / math.sqrt(n_out)
            nn.init.uniform_(parameter, -limit, limit, generator=generator)
        return baseline
    layer = _units(config, n_in, n_out)
    layer.reset_parameters(generator)
    return layer


def _units(config: SNUConfig, n_in: int, n_out: int) -> SNU | sSNU:
    decay = torch.full((n_out,), config.decay) if config.decay_per_unit else config.decay
    options: dict[str, Any] = {
        "decay": decay,
        "recurrent": config.recurrent,
        "bias_init": config.bias_init,
        "input_activation": config.input_activation,
        "train_decay": config.train_decay,
        "lateral_inhibition": config.lateral_inhibition,
    }
    if config.kind == "ssnu":
        return sSNU(n_in, n_out, **options)
    return SNU(n_in, n_out, pseudo_derivative=config.pseudo_derivative, **options)


def _tie(readout: nn.Linear, embedding: nn.Embedding) -> None:
    if readout.in_features != embedding.embedding_dim:
        raise InputError(
            f"network.tied: the last hidden layer has {readout.in_features} units and the embedding "
            f"{embedding.embedding_dim} numbers; tied weights need as many of both"
        )
    readout.weight = embedding.weight
