import pytest
import torch
from torch import nn

from imc_grapes.costs.step_peak import peak_bytes_of_step

MB = 1_000_000


def numbers(count):
    return torch.zeros(count, dtype=torch.uint8)


def test_what_lives_at_once_is_added_up():
    kept = []

    def step():
        kept.extend(numbers(MB) for _ in range(3))

    assert peak_bytes_of_step(step) == 3 * MB


def test_what_is_freed_is_no_longer_counted():
    def step():
        for _ in range(5):
            one = numbers(MB)
            other = numbers(2 * MB)
            del one, other

    assert peak_bytes_of_step(step) == 3 * MB


def test_views_and_changes_in_place_allocate_nothing():
    there_before = numbers(MB)

    def step():
        there_before.view(10, -1)[3].add_(1)
        there_before.reshape(1000, 1000).t()

    assert peak_bytes_of_step(step) == 0


def test_a_view_keeps_its_storage_alive():
    kept = []

    def step():
        kept.append(numbers(MB)[:1])
        numbers(MB)

    assert peak_bytes_of_step(step) == 2 * MB


@pytest.mark.parametrize("hidden", [64, 512])
def test_a_training_step_holds_at_least_its_gradients_and_activations(hidden):
    network = nn.Sequential(nn.Linear(32, hidden), nn.ReLU(), nn.Linear(hidden, 10))
    images = torch.rand(16, 32)
    parameters = sum(p.numel() for p in network.parameters())

    def step():
        network.zero_grad()
        network(images).square().sum().backward()

    peak = peak_bytes_of_step(step)
    assert peak >= 4 * parameters
    assert peak <= 4 * (2 * parameters + 10 * 16 * hidden)


def test_measuring_again_gives_the_same():
    assert [peak_bytes_of_step(lambda: numbers(MB)) for _ in range(3)] == [MB] * 3
