"""From bytes, as files hold them, to images and labels that have been checked."""

import numpy as np
import numpy.typing as npt
import torch

from imc_grapes.data.dataset import Split
from kernels.errors import InputError

_BRIGHTEST = 255.0


def bytes_to_split(
    pixels: npt.NDArray[np.uint8], labels: npt.NDArray[np.integer], n_classes: int, where: str
) -> Split:
    """Images scaled to [0, 1] and their labels.

    Args:
        pixels: ``[n, channels, height, width]``.
        labels: ``[n]``, 0 to `n_classes` - 1.
        n_classes: how many there are.
        where: the file, for the message.

    Raises:
        InputError: there are no images, not as many labels, or labels of no class.
    """
    if labels.shape != pixels.shape[:1] or not len(labels):
        raise InputError(f"{where}: holds {len(pixels)} images and {labels.size} labels")
    if labels.min() < 0 or labels.max() >= n_classes:
        raise InputError(
            f"{where}: holds labels from {labels.min()} to {labels.max()}, not 0 to {n_classes - 1}"
        )
    images = torch.from_numpy(pixels.astype(np.float32)).div_(_BRIGHTEST)
    return Split(images, torch.from_numpy(labels.astype(np.int64)))
