"""What every kind of network is to a config: its keys, what it takes, what it asks of the rest, how it is built."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from device_models.parameters import Parameters
from device_models.registry import Registry
from imc_grapes.data.base import DataConfig

if TYPE_CHECKING:
    import torch
    from torch import nn

Width = Annotated[int, Field(ge=1, le=1_000_000)]
Dropout = Annotated[float, Field(ge=0.0, lt=1.0)]
Activation = Literal["relu", "tanh", "sigmoid"]
Problem = tuple[tuple[str | int, ...], str]


class NetworkConfig(Parameters):
    """``network:`` of a config; a subclass per kind."""

    takes: ClassVar[Literal["images", "sequences"]] = "images"
    """images: ``[batch, channels, height, width]`` to a number per class | sequences: ``[time, batch, features]`` and a
    state to outputs per time step and the state afterwards."""
    preload: ClassVar[tuple[str, ...]] = ()
    """Modules that take long to import, which the workers of a sweep find imported."""

    kind: str = ""
    """Name that the kind of network is registered by."""
    weights: Path | None = Field(None, exclude_if=lambda path: path is None)
    """File of weights to begin with: .safetensors, or a state dict in .pt or .pth; relative to the config's folder;
    null: drawn at random."""

    def build(
        self, shape: tuple[int, ...], classes: int, generator: "torch.Generator"
    ) -> "nn.Module":
        """The network with its initial weights.

        Args:
            shape: of one input: channels, height, width of an image; features (or words that there are) of a time step.
            classes: outputs.
            generator: draws the weights.

        Raises:
            InputError: the inputs do not suit the network.
        """
        raise NotImplementedError

    def problems(self, data: DataConfig, *, on_devices: bool) -> Iterator[Problem]:
        """What cannot go together, as the key below ``network`` to blame and a message.

        Args:
            data: what the network is for; it gives what the network takes.
            on_devices: whether weights lie on devices, in training or afterwards.
        """
        return iter(())

    def hidden_layers(self) -> int | None:
        """How many hidden weight layers there are; None where only the built network can say."""
        return None


NETWORKS: Registry[type[NetworkConfig]] = Registry(
    "network.kind", "imc_grapes.networks", NetworkConfig, "kind"
)
