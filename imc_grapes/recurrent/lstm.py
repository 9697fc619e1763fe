"""Long short-term memory."""

import torch
from torch import Tensor

from imc_grapes.recurrent.layer import RecurrentLayer, State


class LSTM(RecurrentLayer):
    """``c_t = f_t c_{t-1} + i_t g_t``, ``h_t = o_t tanh(c_t)``, as `torch.nn.LSTM`.

    Each gate (rows i, f, g, o of the matrices) is ``W_ih x_t + b_ih + W_hh h_{t-1} + b_hh`` behind a sigmoid, or a
    tanh for g. The state is ``(h, c)``.
    """

    GATES = 4
    N_STATES = 2

    def step(self, drive: Tensor, state: State) -> State:
        """One time step."""
        h, c = state
        i, f, g, o = (drive + self.linear_hh(h)).chunk(4, 1)
        after = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(after), after
