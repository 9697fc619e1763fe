"""The functions g and h of a unit, by the names that users and configs give them."""

from dataclasses import dataclass
from typing import Literal, get_args

from kernels.errors import InputError
from kernels.snu import InputActivation, OutputFunction

InputActivationName = Literal["identity", "leaky_relu", "relu"]
PseudoDerivativeName = Literal["tanh", "triangle", "fast_sigmoid", "arctan"]


@dataclass(frozen=True)
class Dynamics:
    """What one step does to a unit, besides its weights, bias and decay."""

    input_activation: InputActivation
    output_function: OutputFunction
    lateral_inhibition: bool


def input_activation_named(name: str) -> InputActivation:
    """The g called `name`.

    Raises:
        InputError: there is none.
    """
    if name not in get_args(InputActivationName):
        raise InputError(
            f"input_activation: {name!r} is not one of {', '.join(get_args(InputActivationName))}"
        )
    return InputActivation[name.upper()]


def step_with(pseudo_derivative: str) -> OutputFunction:
    """The step function, with the pseudo-derivative of that name.

    Raises:
        InputError: there is none.
    """
    if pseudo_derivative not in get_args(PseudoDerivativeName):
        raise InputError(
            f"pseudo_derivative: {pseudo_derivative!r} is not one of "
            f"{', '.join(get_args(PseudoDerivativeName))}"
        )
    return OutputFunction[f"STEP_{pseudo_derivative.upper()}"]
