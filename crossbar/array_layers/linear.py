"""A linear layer on arrays."""

from torch import Tensor, nn

from crossbar.array_layers.layer import ArrayLayer
from crossbar.pcm_config import PCMConfig


class ArrayLinear(ArrayLayer, nn.Linear):
    """`nn.Linear` whose float weights are trained in the computer and programmed into arrays once.

    Args:
        digital: torch's layer; its weights are copied.
        config: with ``update: software``.
    """

    def __init__(self, digital: nn.Linear, config: PCMConfig) -> None:
        self._take_over(digital, config)

    def forward(self, x: Tensor) -> Tensor:
        """Multiply `[..., n_in]` to `[..., n_out]`."""
        return nn.Linear.forward(self, x)
