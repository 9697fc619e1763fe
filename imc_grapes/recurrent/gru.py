"""Gated recurrent unit."""

import torch
from torch import Tensor

from imc_grapes.recurrent.layer import RecurrentLayer, State


class GRU(RecurrentLayer):
    """``h_t = (1 - z_t) n_t + z_t h_{t-1}``, as `torch.nn.GRU`.

    With r and z (rows 0 and 1 of three) ``sigmoid(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)`` and
    ``n = tanh(W_in x_t + b_in + r (W_hn h_{t-1} + b_hn))``.
    """

    GATES = 3

    def step(self, drive: Tensor, state: State) -> State:
        """One time step."""
        h = state[0]
        from_input, from_output = drive.chunk(3, 1), self.linear_hh(h).chunk(3, 1)
        r, z = (torch.sigmoid(a + b) for a, b in zip(from_input[:2], from_output[:2], strict=True))
        n = torch.tanh(from_input[2] + r * from_output[2])
        return ((1.0 - z) * n + z * h,)
