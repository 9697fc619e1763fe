"""Let a network that predicts chords go on by itself."""

import torch
from torch import Tensor, nn


def compose(model: nn.Module, primer: Tensor, steps: int, random: torch.Generator) -> Tensor:
    """Sample every next chord from what the network expects, note by note, and feed it back.

    Args:
        model: returns log-odds ``[time, batch, notes]`` and its state.
        primer: piano roll ``[time, notes]`` that it hears first.
        steps: time steps to compose.
        random: draws the notes.

    Returns:
        Piano roll ``[len(primer) + steps, notes]``: the primer, then what the network made of it.
    """
    roll = [*primer]
    log_odds, state = model(primer.unsqueeze(1))
    for _ in range(steps):
        probabilities = log_odds[-1, 0].sigmoid()
        drawn = torch.rand(probabilities.shape, generator=random)
        chord = (drawn < probabilities).to(primer.dtype)
        roll.append(chord)
        log_odds, state = model(chord.view(1, 1, -1), state)
    return torch.stack(roll)
