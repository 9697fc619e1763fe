"""``training:`` epochs, optimizer, GRAPES."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from crossbar.readout import PerDevice, ReadoutSpec
from crossbar.rules import RuleChoice
from imc_grapes.config.schema.section import Section


def _off_is_none(value: Any) -> Any:
    """People write ``mode: off``, ``mode: false`` or ``mode: null`` and mean the same."""
    return "none" if value is None or value is False or value in ("off", "Off", "OFF") else value


class OptimizerConfig(RuleChoice):
    """The update rule, of tiles and digital parameters alike, with its constants as further keys.

    What is left out is as on `hardware.update.optimizer`, or the rule's own, as the GRAPES authors' code has
    them: momentum and nag use a factor of 0.9, rmsprop a decay of 0.9, adam 0.9 and 0.999; epsilon is 1e-8.
    """

    lr: float = Field(0.1, gt=0.0)
    """Learning rate."""
    lr_decay: float = Field(1.0, gt=0.0, le=1.0)
    """The learning rate is multiplied by this after every epoch."""


class GrapesConfig(Section):
    """The GRAPES modulation of the error."""

    mode: Annotated[
        Literal["none", "propagating", "local", "lr_matched"], BeforeValidator(_off_is_none)
    ] = "none"
    """none (or off) | propagating: the modulated error also goes upstream | local: only the layer's own update sees
    it | lr_matched: the control, every node of a layer gets the layer's mean factor."""
    exclude: tuple[str, ...] = ()
    """Names of layers that take no part, beside the last one, which never does."""
    readout: ReadoutSpec = PerDevice()
    """The circuit that reads the importance off the crossbars; exact by default."""
    factor_bits: int | None = Field(None, ge=1, le=16)
    """Word length of the factor in the update path, for [1, 2], or [0, 2] if it is not clipped; null: no rounding."""
    clip: bool | None = None
    """Whether the factors are clipped from below at 1; null: as in the authors' code, under bp yes, under fa and dfa
    no."""


class TrainingConfig(Section):
    """How the weights are trained."""

    epochs: int = Field(10, ge=0)
    """At most so many passes over the training data; 0: evaluate the network as it is, as with weights of its own."""
    patience: int | None = Field(None, ge=1)
    """Stop when so many epochs in a row were no better on the validation data than the best one; null: never."""
    keep: Literal["last", "best"] = "last"
    """Evaluate the weights of the last epoch, or of that which was best on the validation data."""
    loss: Literal["cross_entropy", "squared_error"] = "cross_entropy"
    """Loss of images: cross_entropy, or squared_error to one-hot targets; chorales and words have the negative
    log-likelihood."""
    clip_norm: float | None = Field(None, gt=0.0)
    """Largest norm of the gradient, a longer one is shortened to it; null: no limit."""
    optimizer: OptimizerConfig = OptimizerConfig()
    """Update rule, learning rate and its decay."""
    error_transport: Literal["bp", "fa", "dfa"] = "bp"
    """How the error travels upstream. bp: backpropagation | fa: feedback alignment, from layer to layer through fixed
    random weights | dfa: direct feedback alignment, from the output to every hidden layer through such weights. The
    random weights come from the seed."""
    grapes: GrapesConfig = GrapesConfig()
    """Modulation of the error by node importance."""
