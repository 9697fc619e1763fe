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


Dropout = Annotated[float, Field(ge=0.0, lt=1.0)]


class LeNetConfig(Section):
    """5x5 convolutions of 6 and 16 filters, each with 2x2 max-pooling, then 120-84 nodes."""

    kind: Literal["lenet"]
    activation: Activation = "relu"
    bias: bool = False
    """Biases are digital, also on a crossbar."""


class ResNet9Config(Section):
    """Eight 3x3 convolutions with batch normalisation and two residual blocks, then one matrix."""

    kind: Literal["resnet9"]
    width: Width = 64
    """Filters of the first convolution; the others have 2, 4 or 8 times as many."""
    dropout: Dropout = 0.0
    """Probability that an input of the last matrix is dropped in training."""
    bias: bool = False
    """Of the last matrix; digital, also on a crossbar."""


ImageNetworkConfig = MLPConfig | CNNConfig | LeNetConfig | ResNet9Config


class SNUConfig(Section):
    """Layers of spiking (snu) or soft (ssnu) neural units."""

    kind: Literal["snu", "ssnu"]
    hidden: tuple[Width, ...] = Field((150,), min_length=1)
    """Units of each hidden layer."""
    recurrent: bool = False
    """Feed each layer's outputs back to it, through weights of their own."""
    decay: float = Field(0.8, ge=0.0, le=1.0)
    """Share of a unit's state left after a time step."""
    decay_per_unit: bool = False
    """Give each unit a decay of its own; needs train_decay."""
    train_decay: bool = False
    """Train the decay too, from that value on."""
    bias_init: float = -1.0
    """First value of the biases: minus the threshold."""
    input_activation: Literal["identity", "leaky_relu", "relu"] = "identity"
    """g, which bounds the state; leaky_relu has slope 0.1 below zero."""
    pseudo_derivative: Literal["tanh", "triangle", "fast_sigmoid", "arctan"] = "tanh"
    """Stands in for the derivative of the step of kind snu; ssnu needs none."""
    lateral_inhibition: bool = False
    """The output of any unit of a layer resets all of them."""
    output: Literal["linear", "units"] = "linear"
    """What reads the last hidden layer: weights and biases, or one more layer of units."""
    output_bias: float = 0.0
    """First value of the biases of a linear output; -3 expects a note in 20, which is what chorales have."""
    dropout: Dropout = 0.0
    """Probability that an output of a hidden layer is dropped in training."""
    embedding: Width | None = None
    """Numbers that stand for a word; only for words, which need it."""
    tied: bool = False
    """Read words out with the weights that embed them; the last hidden layer is as wide as the embedding."""


class RecurrentConfig(Section):
    """Layers of RNN (tanh), LSTM or GRU units: torch's, or on devices equal ones."""

    kind: Literal["rnn", "lstm", "gru"]
    hidden: tuple[Width, ...] = Field((150,), min_length=1)
    """Units of each hidden layer."""
    output: Literal["linear", "units"] = "linear"
    """What reads the last hidden layer: weights and biases, or one more layer of units."""
    output_bias: float = 0.0
    """First value of the biases of a linear output; -3 expects a note in 20, which is what chorales have."""
    dropout: Dropout = 0.0
    """Probability that an output of a hidden layer is dropped in training."""
    embedding: Width | None = None
    """Numbers that stand for a word; only for words, which need it."""
    tied: bool = False
    """Read words out with the weights that embed them; the last hidden layer is as wide as the embedding."""


SequenceNetworkConfig = SNUConfig | RecurrentConfig

NetworkConfig = Annotated[
    MLPConfig | CNNConfig | LeNetConfig | ResNet9Config | SNUConfig | RecurrentConfig,
    Field(discriminator="kind"),
]
