"""The soft spiking neural unit: as the spiking one, with a sigmoid for the step."""

from torch import Tensor

from imc_grapes.spiking.dynamics import Dynamics, InputActivationName, input_activation_named
from imc_grapes.spiking.layer import SNULayer
from kernels.snu import OutputFunction


class sSNU(SNULayer):
    """Soft units: y = sigmoid(s + b), so that the reset ``1 - y`` is soft too, and every derivative is exact.

    Woźniak et al., Nat. Mach. Intell. 2, 325 (2020), arXiv 1812.07040. Arguments and errors are those of `SNU`; there
    is no step, hence no pseudo-derivative.
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
        train_decay: bool = False,
        lateral_inhibition: bool = False,
    ) -> None:
        dynamics = Dynamics(
            input_activation_named(input_activation), OutputFunction.SIGMOID, lateral_inhibition
        )
        super().__init__(
            input_size, hidden_size, decay, recurrent, bias_init, batch_first, train_decay, dynamics
        )
