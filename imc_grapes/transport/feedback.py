"""Fixed random feedback weights, drawn from a seed when they are first needed."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from imc_grapes.seeding import generator


class FeedbackWeights:
    """The feedback weights of a network, by the name of the layer that sends an error through them.

    Uniform in ``(-l, l)`` with ``l = sqrt(6 / n)``, n being the number of inputs of the sending layer's nodes, which is
    the start of the forward weights too: as in the authors' code for a He-uniform start. Each layer has a stream of
    its own, so what one draws depends on the seed, its name and its shape only.

    Args:
        seed: of the streams.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._drawn: dict[str, Tensor] = {}

    def of(self, name: str, shape: Sequence[int], n: int, like: Tensor) -> Tensor:
        """The feedback weights of the layer called `name`, in the type and on the device of `like`."""
        known = self._drawn.get(name)
        if known is None or known.shape != torch.Size(shape):
            known = self._draw(name, shape, n)
        if known.dtype != like.dtype or known.device != like.device:
            # Cast anew from the draw: what was rounded to a shorter type once would stay rounded.
            known = self._draw(name, shape, n).to(like)
        self._drawn[name] = known
        return known

    def drawn(self) -> dict[str, Tensor]:
        """What has been needed so far."""
        return dict(self._drawn)

    def _draw(self, name: str, shape: Sequence[int], n: int) -> Tensor:
        stream = generator(self.seed, f"feedback weights of {name}")
        limit = math.sqrt(6.0 / n)
        unit = torch.rand(*shape, generator=stream, dtype=torch.float64)
        return (2.0 * unit - 1.0) * limit
