"""What RNN, LSTM and GRU have in common: two weight matrices, a state, time."""

import math
from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from imc_grapes.recurrent.sequence_checks import check_sequence, check_sizes
from kernels.errors import InputError

State = tuple[Tensor, ...]
"""What goes from one time step to the next, each ``[batch, hidden]``; the output comes first."""
Given = Tensor | State | None


class RecurrentLayer(nn.Module):
    """One layer in one direction, equal to torch's module of the same name with the same weights.

    The weight matrices sit in `nn.Linear` modules, `linear_ih` and `linear_hh`, gate after gate, so that aihwkit's
    `convert_to_analog` puts them on tiles. Torch's modules are faster on digital weights.

    Args:
        input_size: features of a time step.
        hidden_size: units.
        bias: both matrices have one, as in torch; on a tile it stays digital.
        batch_first: sequences are ``[batch, time, features]`` instead of ``[time, batch, features]``.

    Raises:
        InputError: a size below 1.
    """

    GATES: ClassVar[int]
    N_STATES: ClassVar[int] = 1

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, batch_first: bool = False
    ) -> None:
        super().__init__()
        check_sizes(input_size=input_size, hidden_size=hidden_size)
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.batch_first = batch_first
        self.linear_ih = nn.Linear(input_size, self.GATES * hidden_size, bias=bias)
        self.linear_hh = nn.Linear(hidden_size, self.GATES * hidden_size, bias=bias)
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw weights and biases from ``U(-l, l)``, ``l = 1 / sqrt(hidden_size)``, as torch does."""
        limit = 1.0 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -limit, limit, generator=generator)

    def incoming_weights(self) -> list[nn.Module]:
        """The layers, digital or analog, that hold the incoming weights: a row per unit for each gate."""
        return [self.linear_ih, self.linear_hh]

    def forward(self, x: Tensor, state: Given = None) -> tuple[Tensor, Given]:
        """Run the layer over a sequence.

        Args:
            x: ``[time, batch, features]``, or ``[batch, time, features]`` if `batch_first`.
            state: from an earlier call, ``[1, batch, hidden]``; of an LSTM a pair of them. By default all zero.

        Returns:
            Outputs of every step, ``[time, batch, hidden]`` (``[batch, time, hidden]`` if `batch_first`), and the state
            after the last.

        Raises:
            InputError: wrong width, an empty axis, a packed sequence, or a state that does not fit.
        """
        axes = ("batch", "time", "features") if self.batch_first else ("time", "batch", "features")
        if isinstance(x, PackedSequence):
            raise InputError(
                "x: is packed; pad_packed_sequence makes a sequence of it that this layer takes"
            )
        check_sequence(x, self.input_size, axes)
        sequence = x.transpose(0, 1) if self.batch_first else x
        carried = self._first_state(state, sequence)
        # Two axes only: not every tile takes three.
        driven = self.linear_ih(sequence.flatten(0, 1)).unflatten(0, sequence.shape[:2])
        outputs = []
        for drive in driven:
            carried = self.step(drive, carried)
            outputs.append(carried[0])
        stacked = torch.stack(outputs, 1 if self.batch_first else 0)
        last = tuple(part.unsqueeze(0) for part in carried)
        return stacked, last if self.N_STATES > 1 else last[0]

    @abstractmethod
    def step(self, drive: Tensor, state: State) -> State:
        """The state after a time step whose weighted inputs are `drive` ``[batch, gates * hidden]``."""

    def extra_repr(self) -> str:
        """Sizes."""
        return f"{self.input_size}, {self.hidden_size}"

    def _first_state(self, given: Given, sequence: Tensor) -> State:
        shape = (1, sequence.shape[1], self.hidden_size)
        if given is None:
            return (sequence.new_zeros(shape[1:]),) * self.N_STATES
        parts = (given,) if isinstance(given, Tensor) else tuple(given)
        if len(parts) != self.N_STATES or any(part.shape != shape for part in parts):
            shapes = ", ".join(str(tuple(part.shape)) for part in parts)
            raise InputError(
                f"state: must be {self.N_STATES} of shape [1, batch, hidden], here {shape} (got {shapes})"
            )
        return tuple(part[0] for part in parts)
