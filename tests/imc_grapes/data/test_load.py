import pytest
import torch

from imc_grapes import InputError
from imc_grapes.data.digits import DigitsConfig
from imc_grapes.data.load import load_dataset
from imc_grapes.data.mnist import MNISTConfig


def pixels(split):
    return set(map(bytes, split.images.flatten(1).numpy()))


def test_validation_images_are_held_out_of_the_training_images():
    dataset = load_dataset(DigitsConfig(validation_fraction=0.25), seed=0)
    assert len(dataset.validation) == 359
    assert len(dataset.train) + len(dataset.validation) == 1437
    assert not pixels(dataset.train) & pixels(dataset.validation)
    assert not pixels(dataset.test) & (pixels(dataset.train) | pixels(dataset.validation))
    assert dataset.n_classes == 10
    assert dataset.image_shape == (1, 8, 8)


def test_the_seed_chooses_the_validation_images_and_nothing_else():
    config = DigitsConfig()
    first, same, other = (load_dataset(config, seed) for seed in (0, 0, 1))
    assert torch.equal(first.validation.images, same.validation.images)
    assert torch.equal(first.train.images, same.train.images)
    assert pixels(first.validation) != pixels(other.validation)
    assert torch.equal(first.test.images, other.test.images)


def test_without_validation_every_image_is_trained_on():
    dataset = load_dataset(DigitsConfig(validation_fraction=0.0), seed=0)
    assert (len(dataset.train), len(dataset.validation)) == (1437, 0)


@pytest.mark.parametrize("fraction", [0.0, 0.5, 0.999999999])
@pytest.mark.parametrize("samples", [1, 2, 50])
def test_some_images_are_always_left_to_train_on(samples, fraction):
    config = DigitsConfig(train_samples=samples, validation_fraction=fraction)
    dataset = load_dataset(config, seed=0)
    assert len(dataset.train) >= 1
    assert len(dataset.train) + len(dataset.validation) == samples


def test_fewer_test_images():
    assert len(load_dataset(DigitsConfig(test_samples=20), seed=0).test) == 20


@pytest.mark.parametrize("key", ["train_samples", "test_samples"])
def test_more_images_than_there_are_is_an_error(key):
    with pytest.raises(InputError, match=rf"data\.{key}: 9999 is more than the"):
        load_dataset(DigitsConfig(**{key: 9999}), seed=0)


def test_a_missing_data_set_is_an_error(tmp_path, monkeypatch):
    monkeypatch.delenv("IMC_GRAPES_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(InputError, match="data set 'mnist' not found"):
        load_dataset(MNISTConfig(), seed=0, data_dir=tmp_path)
