import copy
import pickle

import pytest
import torch
from torch import nn

from imc_grapes import (
    SNU,
    DirectFeedbackAlignment,
    FeedbackAlignment,
    Grapes,
    InputError,
)
from imc_grapes.transport import attached_transport

BOTH = pytest.mark.parametrize("transport", [FeedbackAlignment, DirectFeedbackAlignment])


def convolutional():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding="same"),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(6, 9),
        nn.ReLU(inplace=True),
        nn.Dropout(0.3),
        nn.Linear(9, 3),
    )


def images():
    return torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def gradients(model, x=None):
    model.zero_grad()
    torch.manual_seed(4)
    out = model(images() if x is None else x)
    out.square().sum().backward()
    return out, [parameter.grad.clone() for parameter in model.parameters()]


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@BOTH
def test_the_forward_pass_keeps_its_bits_and_detach_restores_backpropagation(transport):
    model = convolutional()
    state = copy.deepcopy(model.state_dict())
    out, plain = gradients(copy.deepcopy(model))
    attached = transport(model, seed=2)
    other_out, other = gradients(model)
    assert torch.equal(out, other_out)
    assert model.state_dict().keys() == state.keys()
    # Only what lies behind every other weight layer is left as it was: the output layer.
    assert same(other[-2:], plain[-2:])
    assert not any(torch.equal(a, b) for a, b in zip(other[:-2], plain[:-2], strict=True))
    attached.detach()
    attached.detach()
    assert attached_transport(model) is None
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    model.load_state_dict(state)
    assert same(gradients(model)[1], plain)


@BOTH
def test_feedback_comes_from_the_seed_and_the_names_alone(transport):
    def feedback(seed, x=None, model=None):
        model = model or convolutional()
        attached = transport(model, seed=seed)
        gradients(model, x)
        return attached.feedback()

    first = feedback(3)
    assert first.keys() == {"4", "7", "10"}
    torch.manual_seed(99)
    again, other = feedback(3), feedback(4)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first)
    double = feedback(3, images().double(), convolutional().double())
    for name, weights in double.items():
        assert weights.dtype == torch.float64
        assert torch.equal(weights.float(), first[name])


def test_feedback_is_uniform_like_the_forward_weights_at_the_start():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(3, 200), nn.ReLU(), nn.Linear(200, 100), nn.ReLU(), nn.Linear(100, 40)
    )
    for transport, shape in ((FeedbackAlignment, (100, 200)), (DirectFeedbackAlignment, (200, 40))):
        attached = transport(model)
        gradients(model, torch.rand(2, 3))
        found = attached.feedback()["2"]
        limit = (6 / 200) ** 0.5
        assert found.shape == shape
        assert 0.99 * limit < found.abs().max() <= limit
        assert abs(float(found.mean())) < 0.03 * limit
        assert attached.n_feedback_weights() == sum(b.numel() for b in attached.feedback().values())
        attached.detach()


@BOTH
def test_nothing_is_cut_without_gradients(transport):
    model = convolutional().eval()
    with torch.no_grad():
        plain = model(images())
    attached = transport(model)
    with torch.no_grad():
        assert torch.equal(model(images()), plain)
    assert attached.feedback() == {}


@BOTH
def test_a_copied_or_pickled_model_brings_its_transport_along(transport):
    model = convolutional()
    transport(model, seed=5)
    expected = gradients(copy.deepcopy(model))[1]
    revived = pickle.loads(pickle.dumps(model))
    assert attached_transport(revived) is not attached_transport(model)
    assert same(gradients(revived)[1], expected)


@BOTH
def test_gradients_of_several_batches_add_up(transport):
    model = convolutional()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    del model[1]
    transport(model)
    parts = [gradients(model, part)[1] for part in (images()[:2], images()[2:])]
    model.zero_grad()
    # Both forward passes come before the first backward pass.
    outs = [model(part) for part in (images()[:2], images()[2:])]
    for out in outs:
        out.square().sum().backward()
    for parameter, *separate in zip(model.parameters(), *parts, strict=True):
        torch.testing.assert_close(parameter.grad, sum(separate))


def test_feedback_alignment_with_the_weights_as_feedback_is_backpropagation(monkeypatch):
    model = convolutional()
    plain = gradients(copy.deepcopy(model))[1]
    layers = dict(model.named_modules())
    attached = FeedbackAlignment(model)
    monkeypatch.setattr(
        attached._weights, "of", lambda name, shape, n, like: layers[name].weight.detach()
    )
    for found, wanted in zip(gradients(model)[1], plain, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", [nn.Conv1d, nn.Conv3d])
def test_convolutions_of_any_dimension(kind, monkeypatch):
    torch.manual_seed(0)
    dims = {nn.Conv1d: 1, nn.Conv3d: 3}[kind]
    layers = [kind(2, 4, 3), kind(4, 4, 3, groups=2, dilation=2), kind(4, 2, 1)]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(2 * 2**dims, 2))
    x = torch.rand(3, 2, *[8] * dims)
    plain = gradients(copy.deepcopy(model), x)[1]
    attached = FeedbackAlignment(model)
    modules = dict(model.named_modules())
    monkeypatch.setattr(
        attached._weights, "of", lambda name, shape, n, like: modules[name].weight.detach()
    )
    for found, wanted in zip(gradients(model, x)[1], plain, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)


@BOTH
@pytest.mark.parametrize(
    "layer", [SNU(4, 4), nn.LSTM(4, 4), nn.RNNCell(4, 4), nn.ConvTranspose1d(4, 4, 1)]
)
def test_layers_without_a_rule_are_refused_by_name(transport, layer):
    model = nn.ModuleDict({"first": nn.Linear(4, 4), "odd": layer, "last": nn.Linear(4, 2)})
    with pytest.raises(InputError, match=rf"not defined for layer 'odd', a {type(layer).__name__}"):
        transport(model)


@BOTH
def test_models_that_cannot_be_served_are_refused(transport):
    with pytest.raises(InputError, match="needs a hidden layer"):
        transport(nn.Sequential(nn.Linear(2, 2)))
    with pytest.raises(InputError, match=r"layer '0' must pad with zeros .*'reflect'"):
        transport(
            nn.Sequential(nn.Conv1d(1, 1, 3, padding=1, padding_mode="reflect"), nn.Linear(3, 2))
        )
    with pytest.raises(InputError, match="layer '0' pads more on one side"):
        transport(nn.Sequential(nn.Conv1d(1, 1, 4, padding="same"), nn.Linear(3, 2)))
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    transport(model)
    with pytest.raises(InputError, match=r"another error transport .* detach"):
        transport(model)
    modulated = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    Grapes(modulated)
    with pytest.raises(InputError, match=r"Grapes acts on layer '0'.* transport first"):
        transport(modulated)


@BOTH
def test_a_transport_that_grapes_relies_on_stays(transport):
    model = convolutional()
    attached = transport(model)
    grapes = Grapes(model)
    with pytest.raises(InputError, match="a Grapes still acts on it"):
        attached.detach()
    grapes.detach()
    attached.detach()
    assert not any(module._forward_hooks for module in model.modules())


def test_direct_feedback_needs_one_error_of_the_output():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(3, 3), nn.Linear(3, 3)

        def forward(self, x):
            return self.last(self.last(self.first(x)))

    model = Twice()
    DirectFeedbackAlignment(model)
    with pytest.raises(InputError, match="'last' ran twice"):
        model(torch.rand(2, 3))

    class Reversed(Twice):
        def forward(self, x):
            return self.first(self.last(x).relu())

    model = Reversed()
    DirectFeedbackAlignment(model)
    out = model(torch.rand(2, 3)).sum()
    with pytest.raises(InputError, match="'first' does not lie before the last weight layer"):
        out.backward()

    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    DirectFeedbackAlignment(model)
    with pytest.raises(InputError, match=r"must be \[batch, n_outputs\] \(got \[2, 5, 2\]\)"):
        model(torch.rand(2, 5, 3))
