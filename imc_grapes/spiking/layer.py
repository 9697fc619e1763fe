"""What layers of spiking and of soft units have in common: weights, state, time."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from imc_grapes.recurrent.sequence_checks import (
    check_finite,
    check_sequence,
    check_sizes,
    check_state,
)
from imc_grapes.spiking.dynamics import Dynamics
from imc_grapes.spiking.kernel_scan import KernelScan, suits_kernel
from imc_grapes.spiking.recurrent_scan import RecurrentScan
from imc_grapes.spiking.torch_scan import torch_scan
from kernels.errors import InputError
from kernels.snu import InputActivation, OutputFunction


class SNUState(NamedTuple):
    """What a layer carries from one time step to the next; both ``[batch, units]``."""

    s: Tensor
    """States: the membrane potentials."""
    y: Tensor
    """Outputs."""


class SNULayer(nn.Module):
    """A layer of units with either output function.

        s_t = g(W x_t + H y_{t-1} + d * s_{t-1} * (1 - y_{t-1}))        y_t = h(s_t + b)

    The weight matrices sit in `nn.Linear` modules, `linear_ih` and `linear_hh`, so that aihwkit's `convert_to_analog`
    puts them on tiles; bias and decay stay digital.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        decay: float | Tensor,
        recurrent: bool,
        bias_init: float,
        batch_first: bool,
        train_decay: bool,
        dynamics: Dynamics,
    ) -> None:
        super().__init__()
        check_sizes(input_size=input_size, hidden_size=hidden_size)
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.recurrent = recurrent
        self.bias_init = bias_init
        self.batch_first = batch_first
        self.dynamics = dynamics
        self.linear_ih = nn.Linear(input_size, hidden_size, bias=False)
        self.linear_hh = nn.Linear(hidden_size, hidden_size, bias=False) if recurrent else None
        self.bias = nn.Parameter(torch.empty(hidden_size))
        self._register_decay(decay, train_decay)
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw the weights from ``U(-l, l)``, ``l = sqrt(6 / (n_in + n_out))``, as the authors' toolkit does."""
        for linear in (self.linear_ih, self.linear_hh):
            if linear is not None:
                nn.init.xavier_uniform_(linear.weight, generator=generator)
        nn.init.constant_(self.bias, self.bias_init)

    @property
    def fires(self) -> bool:
        """Whether the outputs are spikes, 0 or 1."""
        return self.dynamics.output_function is not OutputFunction.SIGMOID

    @property
    def weight_ih(self) -> Tensor:
        """Input weights W, ``[hidden, input]``; on a tile, as the tile gives them."""
        return _weights(self.linear_ih)

    @property
    def weight_hh(self) -> Tensor | None:
        """Recurrent weights H, ``[hidden, hidden]``; None in a layer that is not recurrent."""
        return None if self.linear_hh is None else _weights(self.linear_hh)

    def incoming_weights(self) -> list[nn.Module]:
        """The layers, digital or analog, that hold the incoming weights of the units: a row per unit in each."""
        return [linear for linear in (self.linear_ih, self.linear_hh) if linear is not None]

    def forward(self, x: Tensor, state: SNUState | None = None) -> tuple[Tensor, SNUState]:
        """Run the layer over a sequence.

        Args:
            x: ``[time, batch, features]``, or ``[batch, time, features]`` if `batch_first`.
            state: from an earlier call, to go on from there; by default all zero.

        Returns:
            Outputs of every step, ``[time, batch, hidden]`` (``[batch, time, hidden]`` if `batch_first`), and the state
            after the last.

        Raises:
            InputError: wrong width, an empty axis, NaN or infinity in `x` or `state`, or a state that does not fit; the
                message names the axis.
        """
        outputs, _, last = self.trace(x, state)
        return outputs, last

    def trace(self, x: Tensor, state: SNUState | None = None) -> tuple[Tensor, Tensor, SNUState]:
        """As `forward`, with the states of every step, of the outputs' shape, as second result (no gradient)."""
        axes = ("batch", "time", "features") if self.batch_first else ("time", "batch", "features")
        check_sequence(x, self.input_size, axes)
        sequence = x.transpose(0, 1) if self.batch_first else x
        first = self._first_state(x, state)
        drive = self._drive(sequence)
        outputs, states, last_s = self._scan(drive, first)
        last = SNUState(last_s, outputs[-1])
        if self._may_hide_infinity(drive, first) or not bool(last_s.detach().isfinite().all()):
            # Else non-finite numbers stay in the state, so looking through the whole input can wait until now.
            check_finite("x", x, axes)
            check_finite("state.s", first.s, ("batch", "unit"))
            check_finite("state.y", first.y, ("batch", "unit"))
        if self.batch_first:
            outputs, states = outputs.transpose(0, 1), states.transpose(0, 1)
        return outputs, states, last

    def _may_hide_infinity(self, drive: Tensor, first: SNUState) -> bool:
        """Whether -inf goes into units that make 0 of it."""
        if self.dynamics.input_activation is not InputActivation.RELU:
            return False
        seen = drive.detach().sum() + first.s.detach().sum() + first.y.detach().sum()
        return not bool(seen.isfinite())

    def extra_repr(self) -> str:
        """Sizes and what differs from the plain unit."""
        return (
            f"{self.input_size}, {self.hidden_size}, decay={_shown(self.decay)}, "
            f"recurrent={self.recurrent}, input_activation={self.dynamics.input_activation.name.lower()}, "
            f"output={self.dynamics.output_function.name.lower()}"
        )

    def _register_decay(self, decay: float | Tensor, train: bool) -> None:
        values = torch.as_tensor(decay, dtype=torch.get_default_dtype()).clone()
        if values.shape not in ((), (1,), (self.hidden_size,)):
            raise InputError(
                f"decay: must be one number or one per unit, [{self.hidden_size}], not of shape {tuple(values.shape)}"
            )
        if not bool(((values >= 0) & (values <= 1)).all()):
            raise InputError(f"decay: must lie in [0, 1] (got {_shown(values)})")
        self.decay: Tensor
        if train:
            self.register_parameter("decay", nn.Parameter(values.reshape(-1)))
        else:
            self.register_buffer("decay", values.reshape(-1))

    def _first_state(self, x: Tensor, state: SNUState | None) -> SNUState:
        batch_axis = 0 if self.batch_first else 1
        if state is None:
            zeros = x.new_zeros(x.shape[batch_axis], self.hidden_size)
            return SNUState(zeros, zeros)
        for name, part in zip(("s", "y"), state, strict=True):
            check_state(name, part, x, self.hidden_size, batch_axis)
        return SNUState(*state)

    def _drive(self, sequence: Tensor) -> Tensor:
        """Weighted inputs of all time steps, in one matrix product."""
        flat = self.linear_ih(sequence.reshape(-1, self.input_size))
        drive: Tensor = flat.view(*sequence.shape[:2], self.hidden_size)
        return drive

    def _scan(self, drive: Tensor, first: SNUState) -> tuple[Tensor, Tensor, Tensor]:
        """Outputs, states, last state."""
        if self.linear_hh is None:
            return self._steps(drive, *first)
        if type(self.linear_hh) is nn.Linear and suits_kernel(drive):
            decay = self.decay.expand(self.hidden_size)
            scanned: tuple[Tensor, Tensor, Tensor] = RecurrentScan.apply(  # type: ignore[no-untyped-call]
                drive, *first, self.bias, decay, self.linear_hh.weight, self.dynamics
            )
            return scanned
        s, y = first
        outputs, states = [], []
        for step in drive:
            output, state, s = self._steps((step + self.linear_hh(y)).unsqueeze(0), s, y)
            y = output[0]
            outputs.append(y)
            states.append(state[0])
        return torch.stack(outputs), torch.stack(states), s

    def _steps(self, drive: Tensor, s: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The same without recurrent weights."""
        decay = self.decay.expand(self.hidden_size)
        if suits_kernel(drive):
            scanned: tuple[Tensor, Tensor, Tensor] = KernelScan.apply(  # type: ignore[no-untyped-call]
                drive, s, y, self.bias, decay, self.dynamics
            )
            return scanned
        return torch_scan(drive, s, y, self.bias, decay, self.dynamics)


def _weights(linear: Any) -> Tensor:
    on_tiles = hasattr(linear, "analog_module")
    weights: Tensor = linear.get_weights()[0] if on_tiles else linear.weight
    return weights


def _shown(decay: Tensor) -> str:
    return f"{decay.item():g}" if decay.numel() == 1 else f"[{decay.numel()}]"
