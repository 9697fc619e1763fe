"""A linear layer on arrays."""

from torch import Tensor, nn

from crossbar.array_layers.layer import ArrayLayer
from crossbar.pcm_config import PCMConfig


class ArrayLinear(ArrayLayer, nn.Linear):
    """`nn.Linear` whose float weights are trained in the computer and programmed into arrays once.

    Args:
        digital: torch's layer; its weights are copied.
        config: with ``update: software``.
        name: of the layer, for messages.

    Example:
        >>> import torch
        >>> from crossbar import PCMConfig
        >>> from crossbar.array_layers.linear import ArrayLinear
        >>> digital = torch.nn.Linear(300, 10)
        >>> layer = ArrayLinear(digital, PCMConfig(update="software", io="perfect", array={"rows": 256}))
        >>> x = torch.randn(5, 300)
        >>> len(layer.blocks), bool(torch.equal(layer(x), digital(x)))
        (2, True)
    """

    def __init__(self, digital: nn.Linear, config: PCMConfig, name: str = "") -> None:
        self._take_over(digital, config, name)

    def image(self, x: Tensor) -> Tensor:
        """The inputs as `[batch, n_in]`."""
        return x.reshape(-1, x.shape[-1])

    def restored(self, y: Tensor, x: Tensor) -> Tensor:
        """Outputs of `image(x)` in the shape that belongs to `x`."""
        return y.view(*x.shape[:-1], y.shape[-1])

    def image_product(self, image: Tensor, rows: slice, weights: Tensor) -> Tensor:
        """The product of some rows of the matrix, `weights` `[n_out, rows]`, without the bias."""
        return image[:, rows] @ weights.T

    def vectors(self, image: Tensor) -> Tensor:
        """The inputs themselves, `[batch, 1, n_in]`."""
        return image.unsqueeze(1)

    def from_vectors(self, y: Tensor, image: Tensor) -> Tensor:
        """The outputs themselves."""
        return y
