import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imc_grapes.seeding import generator, stream_seed


@given(st.integers(0, 2**32 - 1), st.text(max_size=10), st.integers(0, 2**31))
@settings(max_examples=50)
def test_a_stream_has_a_seed_that_torch_takes_and_always_the_same(seed, purpose, index):
    found = stream_seed(seed, purpose, index)
    assert 0 <= found < 2**63
    assert found == stream_seed(seed, purpose, index)


def test_seeds_purposes_and_indices_have_streams_of_their_own():
    found = {
        stream_seed(seed, purpose, index)
        for seed in range(20)
        for purpose in ("weights", "order", "noise")
        for index in range(20)
    }
    assert len(found) == 20 * 3 * 20


def test_the_values_do_not_change_between_versions():
    assert stream_seed(0, "initial weights") == 7567262374661632946


def test_a_generator_starts_at_the_beginning_of_its_stream():
    assert torch.equal(
        torch.rand(3, generator=generator(1, "x")), torch.rand(3, generator=generator(1, "x"))
    )
