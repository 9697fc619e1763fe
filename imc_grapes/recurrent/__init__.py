"""RNN, LSTM and GRU whose weights lie in `nn.Linear` modules, so that they can be put on tiles."""

from imc_grapes.recurrent.gru import GRU
from imc_grapes.recurrent.layer import RecurrentLayer
from imc_grapes.recurrent.lstm import LSTM
from imc_grapes.recurrent.rnn import RNN
from imc_grapes.recurrent.stack import RecurrentStack
from imc_grapes.recurrent.unrolled import unrolled

__all__ = ["GRU", "LSTM", "RNN", "RecurrentLayer", "RecurrentStack", "unrolled"]
