import os
from pathlib import Path

import numpy as np
import pytest
import torch

from imc_grapes import InputError
from imc_grapes.data.base import DATA
from imc_grapes.data.locate import VARIABLE

SETS = {
    name: DATA[name] for name in ("mnist", "fashion_mnist", "emnist_letters", "emnist_balanced")
}
FILES = {name: one.files.layouts[0] for name, one in SETS.items()}
N_CLASSES = {name: one.n_classes for name, one in SETS.items()}


def read_idx_dataset(name, folder):
    return SETS[name]().read(folder)


@pytest.fixture
def write(tmp_path):
    """Write the four files of a data set, parts of which can be replaced."""

    def write_idx(path, array):
        header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
        path.write_bytes(header + array.astype(np.uint8).tobytes())

    def write(name, **replaced):
        rng = np.random.default_rng(0)
        lowest = 1 if name == "emnist_letters" else 0
        for part, n in (("train", 60), ("test", 40)):
            arrays = {
                "images": rng.integers(0, 256, (n, 28, 28)),
                "labels": np.sort(rng.integers(0, N_CLASSES[name], n)) + lowest,
            }
            for kind, array in arrays.items():
                key = f"{part}_{kind}"
                write_idx(tmp_path / FILES[name][1][f"{part}-{kind}"], replaced.get(key, array))
        return tmp_path

    return write


def test_pixels_are_scaled_to_one_and_labels_are_whole_numbers(write):
    train, test = read_idx_dataset("mnist", write("mnist"))
    assert train.images.shape == (60, 1, 28, 28)
    assert test.images.shape == (40, 1, 28, 28)
    assert train.images.dtype == torch.float32
    assert train.images.min() == 0.0
    assert train.images.max() == 1.0
    assert train.labels.dtype == torch.int64


def test_letters_come_out_upright_and_labelled_from_zero(write):
    images = np.zeros((60, 28, 28), np.uint8)
    images[:, 20, 3] = 255
    labels = np.arange(60) % 26 + 1
    train, _ = read_idx_dataset(
        "emnist_letters", write("emnist_letters", train_images=images, train_labels=labels)
    )
    assert train.images[7].nonzero().tolist() == [[0, 3, 20]]
    assert train.labels.tolist() == (labels - 1).tolist()


def test_the_balanced_split_comes_out_upright_in_47_classes(write):
    images = np.zeros((60, 28, 28), np.uint8)
    images[:, 20, 3] = 255
    labels = np.arange(60) % 47
    train, test = read_idx_dataset(
        "emnist_balanced", write("emnist_balanced", train_images=images, train_labels=labels)
    )
    assert train.images[7].nonzero().tolist() == [[0, 3, 20]]
    assert train.labels.tolist() == labels.tolist()
    assert len(test) == 40


def test_letters_for_testing_are_stored_by_class_and_come_out_mixed(write):
    marked = np.zeros((40, 28, 28), np.uint8)
    marked[:, 0, 0] = np.sort(np.arange(40) % 26)
    folder = write("emnist_letters", test_images=marked, test_labels=marked[:, 0, 0] + 1)
    _, test = read_idx_dataset("emnist_letters", folder)
    assert test.labels.tolist() != sorted(test.labels.tolist())
    assert torch.equal((test.images[:, 0, 0, 0] * 255).round().long(), test.labels)
    _, again = read_idx_dataset("emnist_letters", folder)
    assert torch.equal(test.labels, again.labels)


@pytest.mark.parametrize(
    ("name", "replaced", "message"),
    [
        ("mnist", {"train_images": np.zeros((59, 28, 28))}, "do not belong together"),
        ("mnist", {"train_images": np.zeros((60, 784))}, "do not belong together"),
        ("mnist", {"test_labels": np.zeros((40, 1))}, "do not belong together"),
        ("mnist", {"train_labels": np.full(60, 10)}, "train-labels.*others than those of 'mnist'"),
        ("emnist_letters", {"test_labels": np.zeros(40)}, "test-labels.*others than those of"),
        ("emnist_letters", {"train_labels": np.full(60, 27)}, "others than those of"),
        ("emnist_balanced", {"train_labels": np.full(60, 47)}, "others than those of"),
        ("mnist", {"test_images": np.zeros((40, 14, 14))}, "images of different sizes"),
        (
            "mnist",
            {"train_images": np.zeros((0, 28, 28)), "train_labels": np.zeros(0)},
            "holds nothing",
        ),
    ],
)
def test_files_that_cannot_be_what_they_claim_are_named(write, name, replaced, message):
    with pytest.raises(InputError, match=message):
        read_idx_dataset(name, write(name, **replaced))


def _real_folder():
    return Path(os.environ.get(VARIABLE) or "/nowhere")


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "n_train", "n_test", "mean"),
    [
        ("mnist", 60_000, 10_000, 0.1307),
        ("fashion_mnist", 60_000, 10_000, 0.2860),
        ("emnist_letters", 124_800, 20_800, 0.1722),
    ],
)
def test_the_published_data_sets(name, n_train, n_test, mean):
    if not (_real_folder() / FILES[name][0]).is_dir():
        pytest.skip(f"{VARIABLE} does not hold {FILES[name][0]}")
    train, test = read_idx_dataset(name, _real_folder())
    assert (len(train), len(test)) == (n_train, n_test)
    assert float(train.images.mean()) == pytest.approx(mean, abs=2e-4)
    for split in (train, test):
        assert sorted(split.labels.unique().tolist()) == list(range(N_CLASSES[name]))
    assert len(test.first(1000).labels.unique()) == N_CLASSES[name]


@pytest.mark.data
def test_a_published_letter_is_upright():
    """The mean 'l' is a vertical stroke, the mean 't' has its bar in the upper half."""
    if not (_real_folder() / "EMNIST").is_dir():
        pytest.skip(f"{VARIABLE} does not hold EMNIST")
    _, test = read_idx_dataset("emnist_letters", _real_folder())
    mean_l = test.images[test.labels == 11].mean(0)[0]
    assert mean_l.sum(0).max() > 1.5 * mean_l.sum(1).max()
    mean_t = test.images[test.labels == 19].mean(0)[0]
    assert mean_t[:14].sum() > 1.2 * mean_t[14:].sum()
