import pytest
import torch
from torch import nn

from imc_grapes.data.dataset import Split
from imc_grapes.data.permuted_tasks import PermutedTasks
from imc_grapes.objectives.image_classification import ImageClassification


def test_the_accuracy_on_several_tasks_is_their_mean():
    """The network answers with the brighter of the first two pixels; only the second task swaps them."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
    network[1].weight.data = torch.eye(4)[:2]
    images = torch.tensor([[0.9, 0.1, 0.0, 0.0], [0.2, 0.7, 0.0, 0.0], [0.8, 0.3, 0.0, 0.0]])
    split = Split(images.view(3, 1, 2, 2), torch.tensor([0, 1, 1]))
    same, swapped = torch.arange(4), torch.tensor([1, 0, 2, 3])
    score = ImageClassification().score
    assert score(network, PermutedTasks(split, (same,))) == pytest.approx(2 / 3)
    assert score(network, PermutedTasks(split, (swapped,))) == pytest.approx(1 / 3)
    three = PermutedTasks(split, (same, swapped, swapped))
    assert score(network, three) == pytest.approx((2 + 1 + 1) / 9)
