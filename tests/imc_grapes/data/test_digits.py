import torch

from imc_grapes.data.digits import TEST_IMAGES, DigitsConfig


def test_all_images_once_scaled_to_one():
    train, test = DigitsConfig().read(None)
    assert (len(train), len(test)) == (1797 - TEST_IMAGES, TEST_IMAGES)
    images = torch.cat([train.images, test.images])
    assert images.shape == (1797, 1, 8, 8)
    assert images.min() == 0.0
    assert images.max() == 1.0


def test_the_cut_is_always_the_same_and_of_all_classes_alike():
    (train, test), (_, again) = DigitsConfig().read(None), DigitsConfig().read(None)
    assert torch.equal(test.images, again.images)
    assert torch.bincount(test.labels).min() >= 34
    assert torch.bincount(test.labels).max() <= 38
    assert not set(map(bytes, test.images.flatten(1).numpy())) & set(
        map(bytes, train.images.flatten(1).numpy())
    )
