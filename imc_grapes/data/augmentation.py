"""Random deformations of training images, the same for the same seed, epoch and batch."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from imc_grapes.data.base import DataConfig, ImageData
from imc_grapes.data.dataset import Split
from imc_grapes.data.deformations import AugmentationConfig
from imc_grapes.seeding import generator

_SMOOTH_OVER = 1 / 7
"""Standard deviation of the elastic field's smoothing as a share of the side: 4 pixels of 28."""
_LARGEST_BATCH_COUNT = 2**32


@dataclass(frozen=True)
class Augmentation:
    """Deformations as `config` allows; every batch of every epoch has a stream of random numbers of its own."""

    config: AugmentationConfig
    seed: int

    def deformed(self, batch: Split, epoch: int, index: int) -> Split:
        """The images of a batch, each deformed in its own way; the labels stay.

        Args:
            batch: images ``[n, channels, height, width]``.
            epoch: counted from 0.
            index: of the batch within the epoch.
        """
        stream = generator(self.seed, "augmentation", epoch * _LARGEST_BATCH_COUNT + index)
        config, images = self.config, batch.images
        if config.rotation_deg or config.shift or config.shear_deg or config.zoom:
            images = self._turned(images, stream)
        if config.elastic:
            images = self._bent(images, stream)
        return replace(batch, images=images)

    def _turned(self, images: Tensor, stream: torch.Generator) -> Tensor:
        """Shear, then zoom and rotation about the centre, then shift; what comes in from outside is black."""
        # Imported here: it takes a third of a second, and only augmented runs need it.
        from kornia.geometry.transform import get_affine_matrix2d, warp_affine

        config = self.config
        n, _, height, width = images.shape
        drawn = (2 * torch.rand(5, n, generator=stream) - 1).to(images)
        shift = config.shift * torch.stack((width * drawn[0], height * drawn[1]), 1)
        zoom = (1 + config.zoom * drawn[2]).unsqueeze(1).expand(n, 2)
        angle_deg = config.rotation_deg * drawn[3]
        shear = math.radians(config.shear_deg) * drawn[4]
        centre = images.new_tensor([(width - 1) / 2, (height - 1) / 2]).expand(n, 2)
        matrix = get_affine_matrix2d(shift, centre, zoom, angle_deg, shear, torch.zeros_like(shear))
        turned: Tensor = warp_affine(images, matrix[:, :2], (height, width))
        return turned

    def _bent(self, images: Tensor, stream: torch.Generator) -> Tensor:
        """Elastic deformation (Simard et al., ICDAR 2003): each pixel comes from a place that smooth noise displaces.

        The library's own smooths by convolutions, which take longer than all the rest of a deformation.
        """
        from kornia.geometry.transform import remap

        n, _, height, width = images.shape
        sigmas = _SMOOTH_OVER * height, _SMOOTH_OVER * width
        noise = torch.randn(n, 2, height, width, generator=stream)
        smooth = _gaussian(height, sigmas[0]) @ noise @ _gaussian(width, sigmas[1]).T
        # Smoothing leaves noise of unit variance with this root mean square.
        smoothed = 1 / (2 * math.sqrt(math.pi * sigmas[0] * sigmas[1]))
        displaced = (self.config.elastic / smoothed * smooth).to(images)
        columns = torch.arange(width, device=images.device)
        rows = torch.arange(height, device=images.device).unsqueeze(1)
        bent: Tensor = remap(
            images, columns + displaced[:, 0], rows + displaced[:, 1], align_corners=True
        )
        return bent


def _gaussian(side: int, sigma: float) -> Tensor:
    """The matrix ``[side, side]`` that smooths over `sigma` pixels; beyond the edge it takes zeros."""
    places = torch.arange(side, dtype=torch.float32)
    distance = places.unsqueeze(1) - places
    return torch.exp(-(distance**2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi))


def augmentation_for(data: DataConfig, seed: int) -> Augmentation | None:
    """What the training images go through, if anything."""
    if not isinstance(data, ImageData) or data.augmentation is None:
        return None
    return Augmentation(data.augmentation, seed)
