"""MNIST, Fashion-MNIST and EMNIST letters from their idx files."""

from pathlib import Path

import torch

from imc_grapes.data.dataset import Split
from imc_grapes.data.idx import read_idx
from imc_grapes.data.locate import find_files
from kernels.errors import InputError

_BRIGHTEST = 255.0
N_CLASSES = {"mnist": 10, "fashion_mnist": 10, "emnist_letters": 26}


def read_idx_dataset(name: str, data_dir: Path | None) -> tuple[Split, Split]:
    """Training and test images of the data set `name`, scaled to [0, 1].

    EMNIST letters are stored transposed and labelled 1 to 26: they come out upright and labelled 0 to 25.

    Raises:
        InputError: a file is missing or broken.
    """
    files = find_files(name, data_dir)
    splits = []
    for part in ("train", "test"):
        images, labels = read_idx(files[f"{part}-images"]), read_idx(files[f"{part}-labels"])
        if images.ndim != 3 or labels.shape != images.shape[:1]:
            raise InputError(
                f"{files[f'{part}-images']} and {files[f'{part}-labels']}: do not belong together "
                f"(shapes {images.shape} and {labels.shape})"
            )
        pixels = torch.tensor(images, dtype=torch.float32).unsqueeze(1) / _BRIGHTEST
        classes = torch.tensor(labels, dtype=torch.int64)
        if name == "emnist_letters":
            pixels, classes = pixels.transpose(2, 3).contiguous(), classes - 1
        splits.append(Split(pixels, classes))
    return splits[0], splits[1]
