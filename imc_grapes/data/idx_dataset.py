"""MNIST, Fashion-MNIST and two of EMNIST's splits from their idx files."""

from pathlib import Path

import torch

from imc_grapes.data.dataset import Split
from imc_grapes.data.idx import read_idx
from imc_grapes.data.locate import find_files
from kernels.errors import InputError

_BRIGHTEST = 255.0
N_CLASSES = {"mnist": 10, "fashion_mnist": 10, "emnist_letters": 26, "emnist_balanced": 47}


def read_idx_dataset(name: str, data_dir: Path | None) -> tuple[Split, Split]:
    """Training and test images of the data set `name`, scaled to [0, 1].

    EMNIST's images are stored transposed and come out upright. Its letters are labelled 1 to 26, those for testing in
    the order of the alphabet: they come out labelled 0 to 25, and for testing in a random order that is always the
    same, so that the first few are of all classes.

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
        if name.startswith("emnist"):
            pixels = pixels.transpose(2, 3).contiguous()
        if name == "emnist_letters":
            classes = classes - 1
        if not (len(classes) and classes.min() >= 0 and classes.max() < N_CLASSES[name]):
            raise InputError(
                f"{files[f'{part}-labels']}: holds no labels, or others than those of '{name}'"
            )
        splits.append(Split(pixels, classes))
    training, test = splits
    if training.images.shape[1:] != test.images.shape[1:]:
        raise InputError(
            f"{files['train-images']} and {files['test-images']}: hold images of different sizes"
        )
    return training, _shuffled(test) if name == "emnist_letters" else test


def _shuffled(split: Split) -> Split:
    order = torch.randperm(len(split), generator=torch.Generator().manual_seed(0))
    return Split(split.images[order], split.labels[order])
