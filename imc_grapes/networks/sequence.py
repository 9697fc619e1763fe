"""Networks over time: layers that are run over a sequence one behind the other, with a readout."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from imc_grapes.data.base import DataConfig
from imc_grapes.networks.base import Dropout, NetworkConfig, Problem, Width
from kernels.errors import InputError


class SequenceNetworkConfig(NetworkConfig):
    """Hidden layers of one kind of unit, and what reads the last of them."""

    takes: ClassVar[Literal["images", "sequences"]] = "sequences"

    hidden: tuple[Width, ...] = Field((150,), min_length=1)
    """Units of each hidden layer."""
    output: Literal["linear", "units"] = "linear"
    """What reads the last hidden layer. linear: weights and biases | units: one more layer of units."""
    output_bias: float = 0.0
    """Initial value of the biases of a linear output; -3 expects a note in 20, which is what chorales have."""
    dropout: Dropout = 0.0
    """Probability that an output of a hidden layer is dropped in training."""
    embedding: Width | None = None
    """Length of the vector that stands for a word; only for words, which need it; null: none."""
    tied: bool = False
    """Read words out with the weights that embed them; the last hidden layer must be as wide as the embedding."""

    def layer(self, n_in: int, n_out: int, generator: torch.Generator) -> nn.Module:
        """A layer of `n_out` units with its weights drawn."""
        raise NotImplementedError

    def build(
        self, shape: tuple[int, ...], classes: int, generator: torch.Generator
    ) -> "SequenceNetwork":
        """The network for `shape` features (or words) per time step."""
        return build_sequence_network(self, shape[0], classes, generator)

    def problems(self, data: DataConfig, *, on_devices: bool) -> Iterator[Problem]:
        """What outputs, embeddings and tied weights ask of the data and of the hardware."""
        if data.gives != "images" and self.output == "units":
            yield ("output",), f"'{data.name}' needs log-odds, which only linear gives"
        if self.output == "units" and self.output_bias != 0.0:
            yield ("output_bias",), "belongs to a linear output; units have bias_init"
        for_words = data.gives == "words"
        if for_words and self.embedding is None:
            yield ("embedding",), "words need one: how many numbers stand for a word?"
        if not for_words and self.embedding is not None:
            yield ("embedding",), f"belongs to words, and '{data.name}' has none"
        if self.tied and self.embedding != self.hidden[-1]:
            yield (
                ("tied",),
                f"needs an embedding as wide as the last hidden layer (embedding is {self.embedding}, "
                f"the layer has {self.hidden[-1]} units)",
            )
        if self.tied and on_devices:
            yield ("tied",), "weights on devices cannot be shared with the digital embedding"


class SequenceNetwork(nn.Module):
    """Layers one behind the other, each ``output, state = layer(x, state)``, then a readout.

    Args:
        embedding: turns word numbers into vectors; None where inputs are vectors already.
        layers: the hidden layers, and the last one too if `readout` is None.
        dropout: probability that an output of a hidden layer is dropped in training.
        readout: of the last hidden layer; None if the last layer's outputs are those of the network.
    """

    def __init__(
        self,
        embedding: nn.Embedding | None,
        layers: list[nn.Module],
        dropout: float,
        readout: nn.Linear | None,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.layers = nn.ModuleList(layers)
        self.dropout = nn.Dropout(dropout)
        self.readout = readout

    def forward(self, x: Tensor, state: list[Any] | None = None) -> tuple[Tensor, list[Any]]:
        """Run over a sequence.

        Args:
            x: ``[time, batch, features]``, or word numbers ``[time, batch]``.
            state: from an earlier call, to go on from there.

        Returns:
            Outputs ``[time, batch, n_outputs]`` and the state of every layer after the last step.
        """
        signal = x if self.embedding is None else self.dropout(self.embedding(x))
        states = []
        for index, layer in enumerate(self.layers):
            signal, after = layer(signal, None if state is None else state[index])
            states.append(after)
            if self.readout is not None or index < len(self.layers) - 1:
                signal = self.dropout(signal)
        if self.readout is None:
            return signal, states
        # Two axes only: not every tile takes three.
        return self.readout(signal.flatten(0, 1)).unflatten(0, signal.shape[:2]), states


def build_sequence_network(
    config: SequenceNetworkConfig, n_inputs: int, n_outputs: int, generator: torch.Generator
) -> SequenceNetwork:
    """The network of `config`, its weights drawn from `generator`.

    Raises:
        InputError: tied weights whose sizes differ.
    """
    embedding = None
    if config.embedding is not None:
        embedding = nn.Embedding(n_inputs, config.embedding)
        nn.init.uniform_(embedding.weight, -0.1, 0.1, generator=generator)
        n_inputs = config.embedding
    widths = [n_inputs, *config.hidden]
    if config.output == "units":
        widths.append(n_outputs)
    layers = [config.layer(before, after, generator) for before, after in pairwise(widths)]
    readout = None
    if config.output == "linear":
        readout = nn.Linear(config.hidden[-1], n_outputs)
        nn.init.xavier_uniform_(readout.weight, generator=generator)
        nn.init.constant_(readout.bias, config.output_bias)
        if config.tied and embedding is not None:
            _tie(readout, embedding)
    return SequenceNetwork(embedding, layers, config.dropout, readout)


def _tie(readout: nn.Linear, embedding: nn.Embedding) -> None:
    if readout.in_features != embedding.embedding_dim:
        raise InputError(
            f"network.tied: the last hidden layer has {readout.in_features} units and the embedding "
            f"{embedding.embedding_dim} numbers; tied weights need as many of both"
        )
    readout.weight = embedding.weight
