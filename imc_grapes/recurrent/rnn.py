"""The plain recurrent layer."""

from typing import Literal

import torch
from torch import Tensor

from imc_grapes.recurrent.layer import RecurrentLayer, State


class RNN(RecurrentLayer):
    """``h_t = f(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)``, f = tanh or relu, as `torch.nn.RNN`.

    Args:
        input_size: features of a time step.
        hidden_size: units.
        nonlinearity: f.
        bias: both matrices have one.
        batch_first: sequences are ``[batch, time, features]``.
    """

    GATES = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        nonlinearity: Literal["tanh", "relu"] = "tanh",
        bias: bool = True,
        batch_first: bool = False,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, batch_first)
        self.nonlinearity = nonlinearity

    def step(self, drive: Tensor, state: State) -> State:
        """One time step."""
        total = drive + self.linear_hh(state[0])
        return (torch.relu(total) if self.nonlinearity == "relu" else torch.tanh(total),)
