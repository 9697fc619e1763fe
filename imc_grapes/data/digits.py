"""scikit-learn's digits: 1,797 images of 8x8, embedded, so that everything runs without a download."""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from imc_grapes.data.dataset import Split

TEST_IMAGES = 360
_BRIGHTEST = 16.0


def read_digits() -> tuple[Split, Split]:
    """Training and test images; the cut is the same for every seed, so that accuracies can be compared."""
    images, labels = load_digits(return_X_y=True)
    parts = train_test_split(
        images, labels, test_size=TEST_IMAGES, stratify=labels, random_state=0, shuffle=True
    )
    train_images, test_images, train_labels, test_labels = parts
    return _split(train_images, train_labels), _split(test_images, test_labels)


def _split(images: object, labels: object) -> Split:
    pixels = torch.as_tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) / _BRIGHTEST
    return Split(pixels, torch.as_tensor(labels, dtype=torch.int64))
