"""Networks of torch's LSTM."""

from typing import ClassVar

from torch import nn

from imc_grapes.networks.base import NETWORKS
from imc_grapes.networks.rnn import RecurrentConfig


@NETWORKS.register("lstm", label="LSTM")
class LSTMConfig(RecurrentConfig):
    """Layers of LSTM units: torch's, or on devices equal ones."""

    cell: ClassVar[type[nn.RNN | nn.LSTM | nn.GRU]] = nn.LSTM
