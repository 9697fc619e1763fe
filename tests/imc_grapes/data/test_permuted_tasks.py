import pytest
import torch

from imc_grapes.data.dataset import Dataset, Split
from imc_grapes.data.digits import DigitsConfig
from imc_grapes.data.load import load_dataset
from imc_grapes.data.permuted_tasks import as_permuted_tasks


def tasks(seed=0, count=3, **data):
    config = DigitsConfig(tasks={"permuted": count}, **data)
    return load_dataset(config, seed)


def test_the_first_task_shows_the_images_as_they_are():
    plain = load_dataset(DigitsConfig(), 0)
    dataset = tasks()
    for part in ("train", "validation", "test"):
        first = getattr(dataset, part).task(0)
        assert torch.equal(first.images, getattr(plain, part).images)
        assert torch.equal(first.labels, getattr(plain, part).labels)


def test_a_later_task_moves_the_pixels_of_every_image_alike():
    dataset = tasks()
    permutation = dataset.test.permutations[2]
    assert permutation.sort().values.tolist() == list(range(64))
    for part in (dataset.train, dataset.validation, dataset.test):
        shuffled = part.task(2)
        for image, original in zip(shuffled.images[:3], part.base.images[:3], strict=True):
            expected = [original.flatten()[place].item() for place in permutation]
            assert image.flatten().tolist() == expected
        assert torch.equal(shuffled.labels, part.base.labels)


def test_permutations_differ_from_task_to_task_and_come_from_the_seed():
    first, same, other = (tasks(seed).train.permutations for seed in (0, 0, 1))
    assert len({tuple(permutation.tolist()) for permutation in (*first, *other)}) == 5
    assert all(torch.equal(a, b) for a, b in zip(first, same, strict=True))


def test_more_tasks_begin_with_the_same_ones():
    few, many = tasks(count=3).train.permutations, tasks(count=5).train.permutations
    assert all(torch.equal(a, b) for a, b in zip(few, many[:3], strict=True))


def test_as_samples_they_are_all_tasks_one_after_another():
    dataset = tasks(train_samples=50, test_samples=20)
    assert (len(dataset.train), len(dataset.test)) == (3 * 45, 3 * 20)
    assert dataset.train.n_batches(16) == 3 * 3
    labels = torch.cat([batch.labels for batch in dataset.test.batches(16, None)])
    assert torch.equal(labels, dataset.test.base.labels.repeat(3))
    assert len(dataset.test.first(4)) == 12
    assert dataset.image_shape == (1, 8, 8)
    assert dataset.train.n_features == 64


def test_channels_are_permuted_alike():
    gray = torch.rand(4, 1, 5, 6)
    split = Split(gray.expand(4, 3, 5, 6), torch.zeros(4, dtype=torch.int64))
    shown = as_permuted_tasks(Dataset("x", 1, split, split, split), 2, 0).train.task(1).images
    assert torch.equal(shown[:, 0], shown[:, 2])
    assert shown[0, 0].sum() == pytest.approx(float(gray[0].sum()))
