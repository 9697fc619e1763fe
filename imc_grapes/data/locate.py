"""Where data sets are looked for: ``--data-dir``, then IMC_GRAPES_DATA, then the user's cache."""

import os
from pathlib import Path

from kernels.errors import InputError

VARIABLE = "IMC_GRAPES_DATA"
PARTS = ("train-images", "train-labels", "test-images", "test-labels")
_STANDARD = {
    "train-images": "train-images-idx3-ubyte",
    "train-labels": "train-labels-idx1-ubyte",
    "test-images": "t10k-images-idx3-ubyte",
    "test-labels": "t10k-labels-idx1-ubyte",
}


def _emnist(split: str) -> dict[str, str]:
    kinds = {"images": "idx3", "labels": "idx1"}
    return {part: f"emnist-{split}-{part}-{kinds[part.split('-')[1]]}-ubyte" for part in PARTS}


_CIFAR10 = {**{f"batch-{n}": f"data_batch_{n}" for n in range(1, 6)}, "test": "test_batch"}
_CIFAR100 = {"train": "train", "test": "test"}
FILES = {
    "mnist": ("MNIST", _STANDARD),
    "fashion_mnist": ("FashionMNIST", _STANDARD),
    "emnist_letters": ("EMNIST", _emnist("letters")),
    "emnist_balanced": ("EMNIST", _emnist("balanced")),
    "cifar10": ("cifar-10-batches-py", _CIFAR10),
    "cifar100": ("cifar-100-python", _CIFAR100),
    "cifar10_4k": ("CIFAR10-4k", {"images": "cifar10_train_first4000_lossless.npz"}),
    "jsb": ("JSB", {"chorales": "JSB_Chorales.mat"}),
    "ptb": ("PTB", {part: f"ptb.{part}.txt" for part in ("train", "valid", "test")}),
}
"""Folder, as torchvision names it where it has the data, and file of each part; idx files may end in ``.gz``."""


def _binary(files: dict[str, str]) -> dict[str, str]:
    return {part: f"{file}.bin" for part, file in files.items()}


OTHER_LAYOUTS = {
    "cifar10": ("cifar-10-batches-bin", _binary(_CIFAR10)),
    "cifar100": ("cifar-100-binary", _binary(_CIFAR100)),
}
"""The same data, published in files of another kind."""
SOURCES = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "fashion_mnist": "https://github.com/zalandoresearch/fashion-mnist",
    "emnist_letters": "https://www.nist.gov/itl/products-and-services/emnist-dataset",
    "emnist_balanced": "https://www.nist.gov/itl/products-and-services/emnist-dataset",
    "cifar10": "https://www.cs.toronto.edu/~kriz/cifar.html",
    "cifar100": "https://www.cs.toronto.edu/~kriz/cifar.html",
    "cifar10_4k": "the first 4,000 training images of https://www.cs.toronto.edu/~kriz/cifar.html "
    "as arrays x (uint8 [4000, 32, 32, 3]) and y",
    "jsb": "http://www-etud.iro.umontreal.ca/~boulanni/icml2012",
    "ptb": "http://www.fit.vutbr.cz/~imikolov/rnnlm/ (simple-examples.tgz)",
}
"""Where the files are published."""


def search_folders(data_dir: Path | None) -> list[Path]:
    """The folders that are searched, the first one first."""
    folders = [data_dir] if data_dir else []
    if os.environ.get(VARIABLE):
        folders.append(Path(os.environ[VARIABLE]))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return [*folders, cache / "imc-grapes" / "data"]


def find_files(name: str, data_dir: Path | None) -> dict[str, Path]:
    """The files of the data set `name`, by their parts.

    Raises:
        InputError: a file is missing everywhere; the message names the files and the folders searched.
    """
    layouts = _layouts(name)
    searched = []
    for root in search_folders(data_dir):
        for folder, files in layouts:
            for place in (root / folder / "raw", root / folder, root):
                if _belongs_to_another(place, folder):
                    continue
                searched.append(place)
                found = {part: _existing(place / file) for part, file in files.items()}
                if all(found.values()):
                    return {part: path for part, path in found.items() if path}
    needed = ", or ".join(", ".join(files.values()) for _, files in layouts)
    gzipped = " (each may end in .gz)" if _is_idx(needed) else ""
    raise InputError(
        f"data set '{name}' not found. It needs the files {needed}{gzipped}.\n"
        f"Searched: {', '.join(map(str, dict.fromkeys(searched)))}.\n"
        f"Put them there, or name their folder with --data-dir or the variable {VARIABLE}. "
        f"They are published at {SOURCES[name]}."
    )


def _layouts(name: str) -> list[tuple[str, dict[str, str]]]:
    return [FILES[name], *([OTHER_LAYOUTS[name]] if name in OTHER_LAYOUTS else [])]


def _belongs_to_another(place: Path, folder: str) -> bool:
    """MNIST and Fashion-MNIST call their files alike: only the folder tells them apart."""
    layouts = (*FILES.values(), *OTHER_LAYOUTS.values())
    others = {other for other, _ in layouts} - {folder}
    return not others.isdisjoint((place.name, place.parent.name))


def found_datasets(data_dir: Path | None = None) -> dict[str, Path | None]:
    """Every data set that needs files, with the folder where it was found or None."""
    found: dict[str, Path | None] = {}
    for name in FILES:
        try:
            found[name] = next(iter(find_files(name, data_dir).values())).parent
        except InputError:
            found[name] = None
    return found


def _existing(path: Path) -> Path | None:
    gzipped = path.with_name(path.name + ".gz")
    for candidate in (path, gzipped) if _is_idx(path.name) else (path,):
        if candidate.is_file():
            return candidate
    return None


def _is_idx(name: str) -> bool:
    return name.endswith("-ubyte")
