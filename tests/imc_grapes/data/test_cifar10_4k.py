import os
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from imc_grapes import InputError
from imc_grapes.data.cifar10_4k import CIFAR104kConfig
from imc_grapes.data.locate import VARIABLE

((FOLDER, PARTS),) = CIFAR104kConfig.files.layouts
FILE = Path(FOLDER) / PARTS["images"]
read_cifar10_4k = CIFAR104kConfig().read


def write(folder, **arrays):
    path = folder / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)
    return folder


def images():
    rng = np.random.default_rng(0)
    return np.broadcast_to(rng.integers(0, 256, (4000, 1, 1, 3)), (4000, 32, 32, 3)).astype(
        np.uint8
    )


def test_the_first_3200_are_trained_on_and_channels_come_first(tmp_path):
    x, y = images(), (np.arange(4000) % 10).astype(np.uint8)
    x[3200, 5, 7, 2] = 255
    train, test = read_cifar10_4k(write(tmp_path, x=x, y=y))
    assert train.images.shape == (3200, 3, 32, 32)
    assert test.images.shape == (800, 3, 32, 32)
    assert test.images[0, 2, 5, 7] == 1.0
    assert torch.equal(torch.cat((train.labels, test.labels)), torch.arange(4000) % 10)
    assert float(train.images[11, 1, 0, 0]) == pytest.approx(x[11, 0, 0, 1] / 255)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((5, 32, 32, 3), np.uint8), "y": np.zeros(5)}, "must be bytes"),
        ({"y": np.zeros(5)}, "arrays x and y"),
        ({"x": np.array([None]), "y": np.zeros(5)}, "x must be bytes .*not object"),
    ],
)
def test_a_file_that_is_something_else_is_named(tmp_path, arrays, message):
    with pytest.raises(InputError, match=message):
        read_cifar10_4k(write(tmp_path, **arrays))


def test_wrong_labels_and_broken_files_are_named(tmp_path):
    folder = write(tmp_path, x=images(), y=np.full(4000, 10))
    with pytest.raises(InputError, match="labels from 10 to 10, not 0 to 9"):
        read_cifar10_4k(folder)
    (folder / FILE).write_bytes((folder / FILE).read_bytes()[:5000])
    with pytest.raises(InputError, match="arrays x and y"):
        read_cifar10_4k(folder)


@pytest.mark.data
def test_the_real_images():
    folder = Path(os.environ.get(VARIABLE) or "/nowhere")
    if not (folder / FILE).is_file():
        pytest.skip(f"{VARIABLE} does not hold {FILE}")
    train, test = read_cifar10_4k(folder)
    assert (train.labels.bincount().min(), train.labels.bincount().max()) == (302, 337)
    assert (test.labels.bincount().min(), test.labels.bincount().max()) == (64, 94)
    assert float(train.images.mean()) == pytest.approx(0.474, abs=0.01)


def npy(shape, dtype="|u1", content=b""):
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}\n".encode("latin1")
    return b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + header + content


@pytest.mark.parametrize(
    "x",
    [
        npy("(1000000000000000, 32, 32, 3)"),
        npy("(4000, 32, 32, 3)", "|O"),
        npy("(4000, 32, 32, 3)", "|V3000000"),
        npy("(4000, 32, 32, 3)", content=bytes(100)),
        npy("(-1, 32, 32, 3)"),
        npy("(" * 90 + ")" * 90),
        b"\x93NUMPY\x09\0",
        bytes(1 << 24),
    ],
)
def test_what_a_header_claims_is_looked_at_before_room_is_made(tmp_path, x):
    folder = write(tmp_path, y=np.zeros(4000, np.uint8))
    with zipfile.ZipFile(folder / FILE, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", x)
        archive.writestr("y.npy", npy("(4000,)", content=bytes(4000)))
    tracemalloc.start()
    with pytest.raises(InputError, match=rf"{FILE}: "):
        read_cifar10_4k(folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 24
