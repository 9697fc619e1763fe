import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imc_grapes.data.dataset import Split, batches


def numbered(n):
    return Split(torch.arange(n, dtype=torch.float32).view(n, 1, 1, 1), torch.arange(n))


@given(n=st.integers(0, 40), size=st.integers(1, 50), seed=st.none() | st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_batches_hold_every_image_once_with_its_label(n, size, seed):
    order = None if seed is None else torch.Generator().manual_seed(seed)
    found = list(batches(numbered(n), size, order))
    assert [len(batch) for batch in found[:-1]] == [size] * (len(found) - 1)
    labels = torch.cat([batch.labels for batch in found]) if found else torch.arange(0)
    assert sorted(labels.tolist()) == list(range(n))
    for batch in found:
        assert torch.equal(batch.images.flatten().long(), batch.labels)


def test_the_generator_fixes_the_order():
    def order(seed):
        generator = torch.Generator().manual_seed(seed)
        return [b.labels.tolist() for _ in range(2) for b in batches(numbered(20), 6, generator)]

    assert order(1) == order(1)
    assert order(1) != order(2)
    assert order(1)[:4] != order(1)[4:]
    assert [b.labels.tolist() for b in batches(numbered(5), 2, None)] == [[0, 1], [2, 3], [4]]


def test_the_first_images():
    assert numbered(5).first(3).labels.tolist() == [0, 1, 2]
    assert len(numbered(5).first(None)) == 5
