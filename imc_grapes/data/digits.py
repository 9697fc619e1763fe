"""scikit-learn's digits: 1,797 images of 8x8, embedded, so that everything runs without a download."""

from pathlib import Path
from typing import ClassVar

import torch

from imc_grapes.data.base import DATA, ImageData
from imc_grapes.data.dataset import Split

TEST_IMAGES = 360
_BRIGHTEST = 16.0


@DATA.register("digits")
class DigitsConfig(ImageData):
    """The embedded digits: 1,437 images of 8x8 to train on, 360 to test."""

    n_classes: ClassVar[int | None] = 10
    image_shape: ClassVar[tuple[int, int, int] | None] = (1, 8, 8)

    def read(self, data_dir: Path | None) -> tuple[Split, Split]:
        """Training and test images; the cut is the same for every seed, so that accuracies can be compared."""
        # Imported here: it takes seconds, which a look at what data there are need not wait for.
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        images, labels = load_digits(return_X_y=True)
        parts = train_test_split(
            images, labels, test_size=TEST_IMAGES, stratify=labels, random_state=0, shuffle=True
        )
        train_images, test_images, train_labels, test_labels = parts
        return _split(train_images, train_labels), _split(test_images, test_labels)


def _split(images: object, labels: object) -> Split:
    pixels = torch.as_tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) / _BRIGHTEST
    return Split(pixels, torch.as_tensor(labels, dtype=torch.int64))
