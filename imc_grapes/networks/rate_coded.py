"""Classify images by the spikes that their pixels send: Bernoulli trains in, the mean over time out."""

import torch
from torch import Tensor, nn

from imc_grapes.data.base import RateCoding
from imc_grapes.seeding import generator


class RateEncoder(nn.Module):
    """In every time step, a pixel of brightness x in [0, 1] fires with the probability ``peak_probability * x``.

    The spikes come from streams of the experiment's seed. Every training batch has a new one, and how many there were
    is part of the state dict; every evaluation begins with the same one, so that evaluations can be compared.
    """

    batches: Tensor

    def __init__(self, coding: RateCoding, seed: int) -> None:
        super().__init__()
        self._coding = coding
        self._seed = seed
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))
        self._evaluated = 0

    def train(self, mode: bool = True) -> "RateEncoder":
        """Switch between training and evaluation; an evaluation begins anew."""
        self._evaluated = 0
        return super().train(mode)

    def forward(self, images: Tensor) -> Tensor:
        """Spikes ``[time, batch, pixels]`` for images ``[batch, ...]``."""
        if self.training:
            stream = generator(self._seed, "training spikes", int(self.batches))
            self.batches += 1
        else:
            stream = generator(self._seed, "evaluation spikes", self._evaluated)
            self._evaluated += 1
        probabilities = self._coding.peak_probability * images.flatten(1)
        drawn = torch.rand(self._coding.steps, *probabilities.shape, generator=stream).to(images)
        return (drawn < probabilities).to(images.dtype)


class RateCodedClassifier(nn.Module):
    """Encoder, network over time, mean of its outputs over time: ``[batch, classes]``."""

    def __init__(self, encoder: RateEncoder, network: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """A number per class ``[batch, classes]`` for images ``[batch, channels, height, width]``."""
        outputs, _ = self.network(self.encoder(images))
        mean: Tensor = outputs.mean(0)
        return mean
