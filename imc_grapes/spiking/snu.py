"""The spiking neural unit."""

from torch import Tensor

from imc_grapes.spiking.dynamics import (
    Dynamics,
    InputActivationName,
    PseudoDerivativeName,
    input_activation_named,
    step_with,
)
from imc_grapes.spiking.layer import SNULayer


class SNU(SNULayer):
    """Spiking units: a unit fires, y = 1, when its state exceeds its threshold, s + b > 0, and is then reset.

    Woźniak et al., Nat. Mach. Intell. 2, 325 (2020), arXiv 1812.07040. In backpropagation through time a
    pseudo-derivative stands in for that of the step.

    Args:
        input_size: features of a time step.
        hidden_size: units.
        decay: share of the state left after a time step, in [0, 1]; a number, or one per unit ``[hidden]``.
        recurrent: also feed the outputs of the step before back through weights ``[hidden, hidden]``.
        bias_init: the first value of the trainable biases ``[hidden]``: minus the threshold.
        input_activation: g: identity, leaky_relu (slope 0.1 below zero) or relu.
        batch_first: sequences are ``[batch, time, features]`` instead of ``[time, batch, features]``.
        pseudo_derivative: tanh (``1 - tanh(z)^2``, the paper's), triangle (``max(0, 1 - |z|)``), fast_sigmoid
            (``1 / (1 + |z|)^2``) or arctan (``1 / (1 + (pi z)^2)``), of z = s + b.
        train_decay: train the decay too.
        lateral_inhibition: a spike of any unit resets all units of the layer.

    Raises:
        InputError: a size below 1, a decay outside [0, 1], or an unknown name.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        decay: float | Tensor = 0.8,
        recurrent: bool = False,
        bias_init: float = -1.0,
        input_activation: InputActivationName = "identity",
        batch_first: bool = False,
        *,
        pseudo_derivative: PseudoDerivativeName = "tanh",
        train_decay: bool = False,
        lateral_inhibition: bool = False,
    ) -> None:
        dynamics = Dynamics(
            input_activation_named(input_activation),
            step_with(pseudo_derivative),
            lateral_inhibition,
        )
        super().__init__(
            input_size, hidden_size, decay, recurrent, bias_init, batch_first, train_decay, dynamics
        )
