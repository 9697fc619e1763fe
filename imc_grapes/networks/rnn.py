"""Networks of torch's RNN, and what its LSTM and GRU share with it."""

import math
from typing import ClassVar

import torch
from torch import nn

from imc_grapes.networks.base import NETWORKS
from imc_grapes.networks.sequence import SequenceNetworkConfig


class RecurrentConfig(SequenceNetworkConfig):
    """Layers of one of torch's recurrent units; on devices equal ones of ours take their place."""

    cell: ClassVar[type[nn.RNN | nn.LSTM | nn.GRU]]

    def layer(self, n_in: int, n_out: int, generator: torch.Generator) -> nn.Module:
        """A layer of units with its weights drawn as torch draws them."""
        baseline = self.cell(n_in, n_out)
        for parameter in baseline.parameters():
            limit = 1.0 / math.sqrt(n_out)
            nn.init.uniform_(parameter, -limit, limit, generator=generator)
        return baseline


@NETWORKS.register("rnn", label="RNN")
class RNNConfig(RecurrentConfig):
    """Layers of RNN (tanh) units: torch's, or on devices equal ones."""

    cell: ClassVar[type[nn.RNN | nn.LSTM | nn.GRU]] = nn.RNN
