"""What is priced: an optimizer, its update circuits, and the readout of GRAPES where there is one."""

from typing import Literal

from pydantic import Field, model_validator

from crossbar.chi_optimizer import MATRICES
from crossbar.readout import ReadoutSpec
from crossbar.specs import AccumulatedSpec, OptimizerName, UpdateSpec
from device_models.parameters import Parameters

MethodName = Literal["sgd", "grapes", "lr_matched", "momentum", "nag", "rmsprop", "adam"]
_MODULATED = ("grapes", "lr_matched")


class Method(Parameters):
    """One way to update the weights.

    Attributes:
        name: what the rule is called.
        update: the circuits; for momentum, nag, rmsprop and adam accumulated, with that optimizer.
        readout: the circuit that GRAPES and lr_matched need; None for the others.
        factor_bits: word length of the factor; priced as 8 where it is not rounded.
        factors_of: the nodes of a layer, its columns; or its inputs, the rows, as under direct feedback alignment.
    """

    name: MethodName
    update: UpdateSpec
    readout: ReadoutSpec | None = None
    factor_bits: int = Field(default=8, ge=1, le=16)
    factors_of: Literal["nodes", "inputs"] = "nodes"

    @model_validator(mode="after")
    def _consistent(self) -> "Method":
        if (self.readout is not None) != (self.name in _MODULATED):
            raise ValueError(f"a readout belongs to grapes and lr_matched (got {self.name})")
        if self.optimizer != ("sgd" if self.name in _MODULATED else self.name):
            raise ValueError(f"{self.name} cannot run on circuits for {self.optimizer}")
        return self

    @property
    def optimizer(self) -> OptimizerName:
        """The rule that the circuits follow."""
        return self.update.optimizer.name if isinstance(self.update, AccumulatedSpec) else "sgd"

    @property
    def matrices(self) -> int:
        """Matrices of the size of the weights that the rule keeps."""
        return len(MATRICES[self.optimizer])

    @property
    def word_bits(self) -> int:
        """Word length of those matrices; 0 without any."""
        if not isinstance(self.update, AccumulatedSpec) or not self.matrices:
            return 0
        return self.update.optimizer.state_bits

    @property
    def accumulator_bits(self) -> int:
        """Word length of chi; 0 on pulsed circuits."""
        return self.update.accumulator_bits if isinstance(self.update, AccumulatedSpec) else 0

    @property
    def operand_bits(self) -> int | None:
        """Word length of the inputs and errors that are multiplied; None for 32-bit floating point."""
        return self.update.operand_bits

    @property
    def is_per_sample(self) -> bool:
        """Whether pulse trains go out sample by sample, so that no gradient is ever computed."""
        return not isinstance(self.update, AccumulatedSpec) and self.update.trains == "per_sample"
