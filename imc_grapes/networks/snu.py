"""Networks of spiking neural units."""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import nn

from imc_grapes.data.base import DataConfig
from imc_grapes.networks.base import NETWORKS, Problem
from imc_grapes.networks.sequence import SequenceNetworkConfig


@NETWORKS.register("snu", label="SNU")
class SNUConfig(SequenceNetworkConfig):
    """Layers of spiking neural units."""

    # Their kernel is compiled when it is imported.
    preload: ClassVar[tuple[str, ...]] = ("kernels.snu", "imc_grapes.networks.rate_coded")

    recurrent: bool = False
    """Feed each layer's outputs back to it, through weights of their own."""
    decay: float = Field(0.8, ge=0.0, le=1.0)
    """Share of a unit's state that is left after a time step, in [0, 1]."""
    decay_per_unit: bool = False
    """Give each unit a decay of its own; needs train_decay."""
    train_decay: bool = False
    """Train the decay too, from the value of decay on."""
    bias_init: float = -1.0
    """Initial value of the biases: minus the threshold."""
    input_activation: Literal["identity", "leaky_relu", "relu"] = "identity"
    """Function g that bounds the state; leaky_relu has slope 0.1 below zero."""
    pseudo_derivative: Literal["tanh", "triangle", "fast_sigmoid", "arctan"] = "tanh"
    """What stands in for the derivative of the step function of kind snu in the backward pass; ssnu needs none."""
    lateral_inhibition: bool = False
    """Whether the output of any unit of a layer resets all of them."""

    def problems(self, data: DataConfig, *, on_devices: bool) -> Iterator[Problem]:
        """As of every network over time; and a decay of its own is of use to a unit that trains it."""
        yield from super().problems(data, on_devices=on_devices)
        if self.decay_per_unit and not self.train_decay:
            yield ("decay_per_unit",), "makes no difference unless train_decay is true"

    def layer(self, n_in: int, n_out: int, generator: torch.Generator) -> nn.Module:
        """A layer of units with its weights drawn."""
        layer: Any = self.units(n_in, n_out)
        layer.reset_parameters(generator)
        built: nn.Module = layer
        return built

    def units(self, n_in: int, n_out: int) -> nn.Module:
        """A layer of spiking units."""
        from imc_grapes.spiking import SNU  # compiles a kernel, which takes seconds

        return SNU(
            n_in, n_out, pseudo_derivative=self.pseudo_derivative, **self.unit_options(n_out)
        )

    def unit_options(self, n_out: int) -> dict[str, Any]:
        """What both kinds of units take."""
        return {
            "decay": torch.full((n_out,), self.decay) if self.decay_per_unit else self.decay,
            "recurrent": self.recurrent,
            "bias_init": self.bias_init,
            "input_activation": self.input_activation,
            "train_decay": self.train_decay,
            "lateral_inhibition": self.lateral_inhibition,
        }
