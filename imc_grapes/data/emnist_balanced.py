"""EMNIST, balanced."""

from typing import ClassVar

from imc_grapes.data.base import DATA, Files
from imc_grapes.data.idx_dataset import IdxData, idx_files


def emnist_files(split: str) -> Files:
    """The files of one of EMNIST's splits."""
    return idx_files(
        "EMNIST",
        "https://www.nist.gov/itl/products-and-services/emnist-dataset",
        f"emnist-{split}-{{part}}-{{kind}}",
    )


@DATA.register("emnist_balanced", label="EMNIST balanced")
class EMNISTBalancedConfig(IdxData):
    """EMNIST, balanced: digits and letters of 28x28 in 47 classes.

    They are stored transposed and come out upright.
    """

    n_classes: ClassVar[int | None] = 47
    transposed: ClassVar[bool] = True
    files = emnist_files("balanced")
