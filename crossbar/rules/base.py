"""What an update rule is: constants, state, arithmetic, and the update itself."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from device_models.parameters import Parameters
from device_models.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

Values = NDArray[np.float64]
State = Mapping[str, Literal["weights", "nodes", "inputs"]]
Factors = Literal["none", "nodes", "weights"]
LearningRates = Mapping[str, float]

RESERVED = ("lr", "lr_decay", "state_bits")
"""Keys that stand beside a rule's constants in a config."""


USUAL_LEARNING_RATE = 0.01


class Arithmetic(NamedTuple):
    """Floating-point operations per weight of one update, in front of the accumulator."""

    multiplications: int = 0
    additions: int = 0
    divisions: int = 0
    """And roots."""


class Rule(Parameters, ABC):
    """One rule with its constants, which are the fields of its class.

    A file adds one by registering a subclass under a name, which is all that configs, tiles, costs and reports need.

    The learning rate multiplies what a rule returns, as in torch. The GRAPES authors' momentum and NAG multiply the
    gradient as it enters the velocity: the same as long as the learning rate stands still.
    """

    state: ClassVar[State] = {}
    """What is kept from update to update, by name: a number per weight, per output node or per input."""
    arithmetic: ClassVar[Arithmetic] = Arithmetic()
    """Operations per weight, for the cost model."""
    pulse_trains: ClassVar[tuple[Literal["summed", "per_sample"], ...]] = ()
    """Ways of `PulsedSpec.trains` to carry the rule out by pulses alone: summed where nothing is kept; per_sample, too,
    where the update is the gradient itself."""
    learning_rates: ClassVar[LearningRates] = {}
    """Usual learning rates on pulsed and accumulated circuits, for a footprint whose config trains with another rule;
    `USUAL_LEARNING_RATE` where nothing is said."""
    torch_class: ClassVar[str | None] = None
    """Class of `torch.optim` that does the same to digital parameters; null: `direction` does it."""
    cancels: ClassVar[Factors] = "none"
    """Positive factors of the gradient that change nothing: nodes, one common to the incoming weights of a node;
    weights, any factor of any weight."""
    vector_is_a_node: ClassVar[bool] = False
    """Whether a digital vector, such as the biases of a layer, is seen as the weights of one node, [1, n], rather than
    as n nodes of one weight each, [n, 1]."""

    name: str = ""
    """Name that the rule is registered by."""

    @abstractmethod
    def direction(self, gradient: "Tensor", state: dict[str, "Tensor"], update: int) -> "Tensor":
        """What is multiplied by the learning rate and subtracted from the weights.

        Args:
            gradient: float32 [n_out, n_in]; may be overwritten.
            state: by the names of `state`, float32 [n_out, n_in] per weight, [n_out, 1] per node, [1, n_in] per input,
                zeros at first; to be changed in place.
            update: number of this update, from 1 on.

        Returns:
            float32 [n_out, n_in], which may be one of these tensors.
        """

    @classmethod
    def kept(cls) -> tuple[int, int]:
        """How many numbers per weight, and per node or input: as a key, what keeps least comes first."""
        per_weight = sum(per == "weights" for per in cls.state.values())
        return per_weight, len(cls.state) - per_weight

    def oracle(self, gradients: Values) -> Values:
        """The direction of the last update in closed form, for the tests.

        Args:
            gradients: of all updates, float64 [updates, n_out, n_in].
        """
        raise NotImplementedError(f"{self.name} has no oracle")

    @property
    def constants(self) -> dict[str, Any]:
        """Every constant by its name."""
        return {name: getattr(self, name) for name in type(self).model_fields if name != "name"}

    def torch_arguments(self) -> dict[str, Any]:
        """Of `torch_class`, beside the parameters and the learning rate."""
        return self.constants

    def per_weight(self) -> Arithmetic:
        """Operations per weight, where they depend on the constants."""
        return self.arithmetic

    def passes(self) -> int:
        """How often circuits that hold the sums of one column at a time form the gradient for one update."""
        return 1

    def of_layer(self, name: str | None, is_last: bool) -> "Rule":
        """What the parameters of one layer follow, for a rule that treats layers differently.

        Args:
            name: of the weight layer; None for parameters that belong to none.
            is_last: whether it is the weight layer that the model has last.
        """
        return self

    @property
    def named_layers(self) -> tuple[str, ...]:
        """Layers that the constants name, each of which the model must have."""
        return ()

    def matrix_shape(self, shape: Sequence[int]) -> tuple[int, int]:
        """Rows and columns that a digital parameter of any shape is seen with: a row per entry of its first axis."""
        if len(shape) == 1 and self.vector_is_a_node:
            return 1, shape[0]
        return (shape[0] if shape else 1), prod(shape[1:])

    def state_shapes(self, n_out: int, n_in: int) -> dict[str, tuple[int, int]]:
        """Shape of each array of `state` for weights [n_out, n_in]."""
        shapes = {"weights": (n_out, n_in), "nodes": (n_out, 1), "inputs": (1, n_in)}
        return {name: shapes[per] for name, per in self.state.items()}

    def state_numbers(self, n_out: int, n_in: int) -> int:
        """Numbers that are kept for weights [n_out, n_in]."""
        return sum(rows * columns for rows, columns in self.state_shapes(n_out, n_in).values())


def _check(rule: type[Rule]) -> None:
    clashes = sorted({*RESERVED} & {*rule.model_fields})
    if clashes:
        raise TypeError(f"no constant may be called {', '.join(clashes)}")


RULES: Registry[type[Rule]] = Registry(
    "training.optimizer.name", "crossbar.rules", Rule, "name", prepare=_check
)
"""Every update rule, by the name that configs choose it by."""


def carried_out_by(trains: str) -> str:
    """The names of the rules that such pulse trains carry out, for a message."""
    return ", ".join(entry.name for entry in RULES if trains in entry.value.pulse_trains)
