"""CIFAR-100."""

from typing import ClassVar

from imc_grapes.data.base import DATA, Files
from imc_grapes.data.cifar import CifarData


@DATA.register("cifar100", label="CIFAR-100")
class CIFAR100Config(CifarData):
    """CIFAR-100: 50,000 colour images of 32x32 in 100 classes (the fine labels) to train on, 10,000 to test."""

    n_classes: ClassVar[int | None] = 100
    label_key: ClassVar[str] = "fine_labels"
    # The coarse label stands before the fine one.
    label_bytes: ClassVar[int] = 2
    files = Files(
        (
            ("cifar-100-python", {"train": "train", "test": "test"}),
            ("cifar-100-binary", {"train": "train.bin", "test": "test.bin"}),
        ),
        "https://www.cs.toronto.edu/~kriz/cifar.html",
    )
