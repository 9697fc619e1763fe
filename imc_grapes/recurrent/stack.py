"""Several recurrent layers behind the interface of one."""

import torch
from torch import Tensor, nn

from imc_grapes.recurrent.layer import Given, RecurrentLayer


class RecurrentStack(nn.Module):
    """Layers one behind the other, as torch's modules with `num_layers`.

    Args:
        layers: of one kind.
        dropout: probability that an output of a layer but the last is dropped in training.
    """

    def __init__(self, layers: list[RecurrentLayer], dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, state: Given = None) -> tuple[Tensor, Given]:
        """As `RecurrentLayer.forward`; the states are ``[layers, batch, hidden]``."""
        signal, states = x, []
        for index, layer in enumerate(self.layers):
            signal, after = layer(signal, _of_layer(state, index))
            states.append(after)
            if index < len(self.layers) - 1:
                signal = self.dropout(signal)
        if isinstance(states[0], Tensor):
            return signal, torch.cat(states)
        return signal, tuple(torch.cat(parts) for parts in zip(*states, strict=True))


def _of_layer(state: Given, index: int) -> Given:
    if state is None:
        return None
    if isinstance(state, Tensor):
        return state[index : index + 1]
    return tuple(part[index : index + 1] for part in state)
