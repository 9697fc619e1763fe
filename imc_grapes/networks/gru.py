"""Networks of torch's GRU."""

from typing import ClassVar

from torch import nn

from imc_grapes.networks.base import NETWORKS
from imc_grapes.networks.rnn import RecurrentConfig


@NETWORKS.register("gru", label="GRU")
class GRUConfig(RecurrentConfig):
    """Layers of GRU units: torch's, or on devices equal ones."""

    cell: ClassVar[type[nn.RNN | nn.LSTM | nn.GRU]] = nn.GRU
