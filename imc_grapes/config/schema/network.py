"""``network:`` the layers between the images and the classes."""

from typing import Annotated, Literal

from pydantic import Field

from imc_grapes.config.schema.section import Section

Width = Annotated[int, Field(ge=1)]
Activation = Literal["relu", "tanh", "sigmoid"]


class MLPConfig(Section):
    """Fully connected layers."""

    kind: Literal["mlp"]
    hidden: tuple[Width, ...] = (256, 256)
    """Nodes of each hidden layer."""
    activation: Activation = "relu"
    bias: bool = False
    """Biases are digital, also on a crossbar."""
    dropout: float = Field(0.0, ge=0.0, lt=1.0)
    """Probability that a hidden node is dropped in training."""


class CNNConfig(Section):
    """Blocks of convolution, activation and 2x2 max-pooling, then fully connected layers."""

    kind: Literal["cnn"]
    channels: tuple[Width, ...] = Field((16, 32), min_length=1)
    """Filters of each convolution."""
    kernel_size: Literal[1, 3, 5, 7] = 3
    """Side of the filters; the images are padded so that only pooling shrinks them."""
    hidden: tuple[Width, ...] = (64,)
    """Nodes of each fully connected hidden layer behind the convolutions."""
    activation: Activation = "relu"
    batch_norm: bool = False
    """Batch normalisation between each convolution and its activation."""
    bias: bool = False
    """Biases are digital, also on a crossbar."""


NetworkConfig = Annotated[MLPConfig | CNNConfig, Field(discriminator="kind")]
