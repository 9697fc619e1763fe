"""Deform batches of 64 training images, against the same deformations by kornia's own augmentation modules.

    python benchmarks/bench_augmentation.py

On one thread, as runs are trained. kornia's modules draw from torch's global generator, so that a run stopped in the
middle of an epoch could not go on to the same bytes.
"""

import torch
from kornia.augmentation import AugmentationSequential, RandomAffine, RandomElasticTransform
from side_by_side import print_ratios, time_side_by_side

from imc_grapes.data.augmentation import Augmentation
from imc_grapes.data.dataset import Split
from imc_grapes.data.deformations import AugmentationConfig

BATCH = 64
CONFIG = AugmentationConfig(rotation_deg=10, shift=0.1, shear_deg=10, zoom=0.1, elastic=1.0)


def main() -> None:
    torch.set_num_threads(1)
    for channels, side in ((1, 28), (3, 32)):
        split = Split(torch.rand(BATCH, channels, side, side), torch.zeros(BATCH, dtype=torch.long))
        sigma = side / 7
        size = 2 * round(3 * sigma) + 1
        peer = AugmentationSequential(
            RandomAffine(10.0, (0.1, 0.1), (0.9, 1.1), 10.0, p=1.0),
            RandomElasticTransform((size, size), (sigma, sigma), (1.0, 1.0), p=1.0),
        )
        ours = Augmentation(CONFIG, seed=0)
        print_ratios(
            f"rotate, shift, shear, zoom and bend {BATCH} images of {channels}x{side}x{side}",
            time_side_by_side(
                {
                    "imc-grapes": lambda ours=ours, split=split: ours.deformed(split, 0, 0),
                    "kornia's modules": lambda peer=peer, split=split: peer(split.images),
                }
            ),
        )


if __name__ == "__main__":
    main()
