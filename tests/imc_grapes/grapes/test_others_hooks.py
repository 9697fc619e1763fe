"""Hooks and wrappers of others around the layers: the modulation is handed over all the same."""

import pytest
import torch
from torch import nn

from imc_grapes import Grapes


def network():
    torch.manual_seed(0)
    front = [nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU()]
    return nn.Sequential(*front, nn.Flatten(1), nn.Linear(96, 5))


def gradients(model):
    x = torch.rand((4, 1, 6, 6), generator=torch.Generator().manual_seed(1))
    model(x).square().sum().backward()
    return [p.grad for p in model.parameters()]


FOREIGN = {
    "full backward hook": lambda layer: layer.register_full_backward_hook(lambda *_: None),
    "full backward pre-hook": lambda layer: layer.register_full_backward_pre_hook(lambda *_: None),
    "forward hook": lambda layer: layer.register_forward_hook(lambda *_: None),
    "a view": lambda layer: layer.register_forward_hook(lambda m, a, out: out.view_as(out)),
    "a copy": lambda layer: layer.register_forward_hook(lambda m, a, out: out.clone()),
    "reshaped and back": lambda layer: layer.register_forward_hook(
        lambda m, a, out: out.flatten().view(out.shape)
    ),
}


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
@pytest.mark.parametrize("hooked", [0, 1], ids=["convolution", "batch norm"])
@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("settled", [False, True])
def test_what_does_nothing_changes_nothing(kind, hooked, settled):
    found = []
    for foreign in (False, True):
        model = network()
        Grapes(model)
        if foreign:
            FOREIGN[kind](model[hooked])
        if settled:
            gradients(model)
            optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
            optimizer.step()
            optimizer.zero_grad()
        found.append(gradients(model))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_a_batch_norm_that_sees_other_numbers_leaves_the_modulation_at_the_layer():
    """Nothing is known of what a sum does; scale and shift behind it see the plain error."""
    plain, model = network(), network()
    Grapes(model)
    for one in (plain, model):
        one[0].register_forward_hook(lambda m, a, out: out + 1.0)
    expected, found = gradients(plain), gradients(model)
    torch.testing.assert_close(found[2], expected[2])
    torch.testing.assert_close(found[3], expected[3])
    assert not torch.allclose(found[0], expected[0])


@pytest.mark.parametrize("settled", [False, True])
@pytest.mark.parametrize("mode", ["propagating", "local", "lr_matched"])
def test_an_activation_in_place_on_a_view(mode, settled):
    """A fully connected layer on three axes puts out a view, whose hooks an activation in place throws away."""
    found = []
    for inplace in (False, True):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(5, 6), nn.ReLU(inplace=inplace), nn.Linear(6, 3))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        grapes = Grapes(model, mode)
        x = torch.rand((7, 4, 5), generator=torch.Generator().manual_seed(1))
        for _ in range(1 + settled):
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()
        found.append(model[0].weight.grad)
        assert list(grapes.factors()) == ["0"]
        grapes.detach()
        model.zero_grad()
        model(x).square().sum().backward()
        assert not torch.allclose(found[-1], model[0].weight.grad)
    torch.testing.assert_close(*found)
