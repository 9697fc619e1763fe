"""Classification accuracy."""

import torch
from torch import nn

from imc_grapes.data.dataset import Split, batches

_BATCH = 1024
"""Images per forward pass; bounds the memory, decides no result."""


def accuracy(model: nn.Module, split: Split) -> float:
    """Fraction of the images of `split` that `model` classifies correctly, in evaluation mode."""
    was_training = model.training
    model.eval()
    correct = 0
    with torch.no_grad():
        for batch in batches(split, _BATCH, order=None):
            correct += int((model(batch.images).argmax(1) == batch.labels).sum())
    model.train(was_training)
    return correct / len(split)
