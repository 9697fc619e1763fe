"""CIFAR-10."""

from typing import ClassVar

from imc_grapes.data.base import DATA, Files
from imc_grapes.data.cifar import CifarData

_BATCHES = {**{f"batch-{n}": f"data_batch_{n}" for n in range(1, 6)}, "test": "test_batch"}


@DATA.register("cifar10", label="CIFAR-10")
class CIFAR10Config(CifarData):
    """CIFAR-10: 50,000 colour images of 32x32 in 10 classes to train on, 10,000 to test."""

    n_classes: ClassVar[int | None] = 10
    label_key: ClassVar[str] = "labels"
    label_bytes: ClassVar[int] = 1
    files = Files(
        (
            ("cifar-10-batches-py", _BATCHES),
            ("cifar-10-batches-bin", {part: f"{file}.bin" for part, file in _BATCHES.items()}),
        ),
        "https://www.cs.toronto.edu/~kriz/cifar.html",
    )
