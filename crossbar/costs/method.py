"""What is priced: an optimizer, its update circuits, and the readout of GRAPES where there is one."""

from typing import Literal

from pydantic import Field, model_validator

from crossbar.costs.layer_shape import LayerShape, TileShape
from crossbar.readout import ReadoutSpec
from crossbar.rules import Rule
from crossbar.specs import (
    AccumulatedSpec,
    GradientPulses,
    OptimizerSpec,
    TransferSpec,
    TTv2Spec,
    UpdateSpec,
)
from device_models.parameters import Parameters

FLOAT_BITS = 32
"""Word length of a float32."""

MODULATED = ("grapes", "lr_matched")
"""Methods that modulate the errors, and then train by the rule of their circuits."""


class Method(Parameters):
    """One way to update the weights."""

    name: str
    """Name of a rule, or one of `MODULATED`."""
    update: UpdateSpec
    """Circuits that write the update, with that rule."""
    readout: ReadoutSpec | None = None
    """Circuit that GRAPES and lr_matched need; null: none, for the others."""
    factor_bits: int = Field(default=8, ge=1, le=16)
    """Word length of the factor, bits; priced as 8 where it is not rounded."""
    factors_of: Literal["nodes", "inputs"] = "nodes"
    """What has a factor: nodes of a layer, its columns; or its inputs, the rows, as under direct feedback alignment."""

    @model_validator(mode="after")
    def _consistent(self) -> "Method":
        if (self.readout is not None) != (self.name in MODULATED):
            raise ValueError(f"a readout belongs to grapes and lr_matched (got {self.name})")
        rule = self.update.optimizer.name
        if self.name not in MODULATED and rule != self.name:
            raise ValueError(f"{self.name} cannot run on circuits for {rule}")
        return self

    @property
    def rule(self) -> Rule:
        """The rule that the circuits follow, with its constants."""
        return self.update.optimizer.rule

    def of_layer(self, layer: LayerShape) -> "Method":
        """As it is in one layer, for rules that treat layers differently."""
        own = self.rule.of_layer(layer.name, layer.is_last)
        if own == self.rule:
            return self
        optimizer = OptimizerSpec.of({"name": own.name, **own.constants})
        update = type(self.update).of({**dict(self.update), "optimizer": optimizer})
        name = self.name if self.name in MODULATED else own.name
        return self.model_copy(update={"name": name, "update": update})

    @property
    def computes(self) -> bool:
        """Whether the rule makes something else of a gradient."""
        return any(self.rule.per_weight()) or bool(self.rule.state)

    @property
    def word_bits(self) -> int:
        """Word length of what the rule keeps; 0 if it keeps nothing."""
        return self.update.optimizer.state_bits if self.rule.state else 0

    def state_bits(self, tile: TileShape) -> int:
        """Bits that the rule keeps beside one tile."""
        return self.rule.state_numbers(tile.columns, tile.rows) * self.word_bits

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
        return self.train_length is not None

    @property
    def train_length(self) -> int | None:
        """Slots of the pulse trains of a sample; None where a gradient is computed instead."""
        update = self.update
        if not isinstance(update, GradientPulses) or update.trains != "per_sample":
            return None
        return update.train_length

    @property
    def transfer(self) -> TransferSpec | None:
        """How columns of a second array go to the weights; None where there is none."""
        return self.update if isinstance(self.update, TransferSpec) else None

    @property
    def arrays(self) -> int:
        """Arrays of devices that a weight has a synapse on."""
        return 1 if self.transfer is None else 2

    @property
    def buffer_bits(self) -> int:
        """Word length of H, between the two arrays; 0 where there is none."""
        return FLOAT_BITS if isinstance(self.update, TTv2Spec) else 0
