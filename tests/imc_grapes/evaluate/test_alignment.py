import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from imc_grapes import FeedbackAlignment, Grapes
from imc_grapes.evaluate.alignment import alignment, angle_deg, weight_gradients


@given(st.floats(0.0, math.pi), st.floats(0.01, 100.0), st.floats(0.01, 100.0))
def test_the_angle_is_that_of_the_directions(angle, length, other):
    one = length * torch.tensor([1.0, 0.0], dtype=torch.float64)
    two = other * torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64)
    assert angle_deg(one, two) == pytest.approx(math.degrees(angle), abs=1e-9)


def test_small_angles_keep_their_digits():
    one, two = torch.tensor([1.0, 0.0]).double(), torch.tensor([1.0, 1e-9]).double()
    assert angle_deg(one, two) == pytest.approx(math.degrees(1e-9), rel=1e-6)


def test_a_zero_update_has_no_direction():
    assert angle_deg(torch.zeros(3), torch.ones(3)) is None


def test_updates_of_different_layers_are_refused():
    with pytest.raises(ValueError, match="different layers"):
        alignment({"a": [torch.ones(2)]}, {"b": [torch.ones(2)]})


def test_modulation_turns_hidden_layers_only_and_its_control_none():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 8), nn.ReLU(), nn.Linear(8, 3))
    x = torch.rand(7, 6)

    def loss(network):
        return network(x).square().sum()

    plain = weight_gradients(model, loss)
    found = {}
    for mode in ("propagating", "lr_matched"):
        grapes = Grapes(model, mode)
        found[mode] = alignment(weight_gradients(model, loss), plain)
        grapes.detach()
    assert found["propagating"].layers_deg["4"] == 0.0
    assert all(found["propagating"].layers_deg[name] > 1.0 for name in ("0", "2"))
    assert all(angle < 1e-3 for angle in found["lr_matched"].layers_deg.values())
    # Layers grow by different factors, which turns the whole.
    assert found["lr_matched"].whole_deg > 1.0
    assert all(parameter.grad is None for parameter in model.parameters())


def test_random_feedback_is_about_orthogonal_at_the_start():
    torch.manual_seed(0)
    layers = [nn.Linear(50, 200), nn.ReLU(), nn.Linear(200, 200), nn.ReLU(), nn.Linear(200, 10)]
    model = nn.Sequential(*layers)
    x = torch.rand(20, 50)

    def loss(network):
        return nn.functional.cross_entropy(network(x), torch.arange(20) % 10)

    plain = weight_gradients(model, loss)
    FeedbackAlignment(model)
    angles = alignment(weight_gradients(model, loss), plain).layers_deg
    assert angles["4"] == 0.0
    assert 75 < angles["2"] < 105
    assert 75 < angles["0"] < 105
