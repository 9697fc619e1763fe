"""Classify images that are read row by row: a row per time step, the answer after the last."""

from torch import Tensor, nn


class RowSequentialClassifier(nn.Module):
    """Rows of an image from top to bottom, network over time, its output at the last step: ``[batch, classes]``."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """A number per class ``[batch, classes]`` for images ``[batch, channels, height, width]``."""
        outputs, _ = self.network(rows(images))
        last: Tensor = outputs[-1]
        return last


def rows(images: Tensor) -> Tensor:
    """Images ``[batch, channels, height, width]`` as sequences ``[time = height, batch, channels * width]``."""
    return images.permute(2, 0, 1, 3).flatten(2)
