"""EMNIST, letters."""

from pathlib import Path
from typing import ClassVar

import torch

from imc_grapes.data.base import DATA
from imc_grapes.data.dataset import Split
from imc_grapes.data.emnist_balanced import emnist_files
from imc_grapes.data.idx_dataset import IdxData


@DATA.register("emnist_letters", label="EMNIST letters")
class EMNISTLettersConfig(IdxData):
    """EMNIST, letters: 124,800 letters of 28x28 to train on, 20,800 to test.

    They are stored transposed and come out upright, labelled 0 to 25.
    """

    n_classes: ClassVar[int | None] = 26
    transposed: ClassVar[bool] = True
    first_label: ClassVar[int] = 1
    files = emnist_files("letters")

    def read(self, data_dir: Path | None) -> tuple[Split, Split]:
        """As of the other sets, but for the images for testing: they are stored in the order of the alphabet.

        They come in a random order that is always the same, so that the first few are of all classes.
        """
        training, test = super().read(data_dir)
        order = torch.randperm(len(test), generator=torch.Generator().manual_seed(0))
        return training, Split(test.images[order], test.labels[order])
