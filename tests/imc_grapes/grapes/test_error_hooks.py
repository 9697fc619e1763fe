import gc
import weakref

import pytest
import torch
from torch import nn

from imc_grapes import Grapes


def uneven(*layers):
    """The layers in sequence; the nodes of each Linear differ in importance."""
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(*layers)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            with torch.no_grad():
                module.weight.normal_(generator=generator)
                module.weight.mul_(torch.rand(len(module.weight), 1, generator=generator))
                module.bias.normal_(generator=generator)
    return model


def weight_gradients(model, x):
    model.zero_grad()
    torch.manual_seed(3)
    (model(x) * torch.rand(3)).square().sum().backward()
    return [parameter.grad.clone() for parameter in model.parameters()]


@pytest.mark.parametrize("behind", [[], [nn.BatchNorm1d(6)]], ids=["plain", "then batch norm"])
@pytest.mark.parametrize("normed", [False, True])
@pytest.mark.parametrize("mode", ["propagating", "local", "lr_matched"])
def test_an_activation_in_place_changes_nothing(mode, normed, behind):
    def network(inplace):
        norm = [nn.BatchNorm1d(6)] if normed else []
        return uneven(nn.Linear(5, 6), *norm, nn.ReLU(inplace=inplace), *behind, nn.Linear(6, 3))

    x = torch.rand(7, 5)
    found = []
    for inplace in (False, True):
        model = network(inplace)
        Grapes(model, mode)
        found.append(weight_gradients(model, x))
    for apart, in_place in zip(*found, strict=True):
        assert (apart - in_place).abs().max() <= 1e-5 * apart.abs().max()


def test_scale_and_shift_of_a_batch_norm_see_the_modulated_error():
    model, x = (
        uneven(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3)),
        torch.rand(7, 5),
    )
    plain = weight_gradients(model, x)
    factors = Grapes(model, "propagating").factors()["0"]
    modulated = weight_gradients(model, x)
    for index in (2, 3):
        torch.testing.assert_close(modulated[index], factors * plain[index])


def test_locally_a_batch_norm_sees_the_plain_error():
    model, x = (
        uneven(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3)),
        torch.rand(7, 5),
    )
    plain = weight_gradients(model, x)
    factors = Grapes(model, "local").factors()["0"]
    modulated = weight_gradients(model, x)
    for index in (2, 3, 4, 5):
        assert torch.equal(modulated[index], plain[index])
    torch.testing.assert_close(modulated[0], factors.view(-1, 1) * plain[0])


def test_a_batch_norm_called_by_keyword_trains():
    layer, norm = nn.Linear(5, 6), nn.BatchNorm1d(6)
    Grapes(nn.ModuleList([layer, norm, nn.Linear(6, 3)]))
    norm(input=layer(torch.rand(7, 5))).sum().backward()
    assert layer.weight.grad is not None


def test_a_batch_norm_over_another_axis_leaves_the_modulation_at_the_layer():
    """Behind a Linear on [batch, time, nodes], BatchNorm1d normalises over time steps, not over nodes."""
    model = uneven(nn.Linear(5, 6), nn.BatchNorm1d(4), nn.Linear(6, 3))
    x = torch.rand(7, 4, 5)
    plain = weight_gradients(model, x)
    factors = Grapes(model, "propagating").factors()["0"]
    modulated = weight_gradients(model, x)
    torch.testing.assert_close(modulated[0], factors.view(-1, 1) * plain[0])
    assert torch.equal(modulated[2], plain[2])


@pytest.mark.parametrize("kind", [1, 2, 3])
@pytest.mark.parametrize("batched", [True, False])
def test_every_filter_of_a_convolution_is_one_node(kind, batched):
    torch.manual_seed(0)
    layer = getattr(nn, f"Conv{kind}d")(2, 5, 3)
    model = nn.Sequential(layer, nn.Flatten(1 if batched else 0), nn.Linear(5 * 2**kind, 3))
    x = torch.rand(*([7] if batched else []), 2, *[4] * kind)
    plain = weight_gradients(model, x)
    factors = Grapes(model).factors()["0"]
    modulated = weight_gradients(model, x)
    torch.testing.assert_close(modulated[0], factors.view(-1, *[1] * (kind + 1)) * plain[0])
    torch.testing.assert_close(modulated[1], factors * plain[1])


def test_outputs_and_factors_are_freed_when_the_step_is_over():
    model = uneven(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3))
    Grapes(model)
    gc.collect()
    gc.disable()
    try:
        hidden = model[0](torch.rand(7, 5))
        [(_, modulated)] = hidden.grad_fn.metadata["imc_grapes.modulation"]
        modulation = weakref.ref(modulated)
        del modulated
        model[3](model[2](model[1](hidden))).sum().backward()
        del hidden
        assert modulation() is None
    finally:
        gc.enable()
