"""Layers whose weights are computed: the factors are those of what the pass used, and reading changes nothing."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from imc_grapes import DirectFeedbackAlignment, FeedbackAlignment, Grapes, InputError
from kernels.oracles.importance import modulation_factors


class DropConnect(nn.Module):
    """Half of the weights, drawn in every pass."""

    def forward(self, weight):
        self.last = nn.functional.dropout(weight, 0.5)
        return self.last


def feedforward(kind):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 8), nn.ReLU(), nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3))
    for layer in (model[0], model[2], model[4]):
        kind(layer)
    return model


def drop_connect(layer, name="weight"):
    parametrize.register_parametrization(layer, name, DropConnect())


KINDS = {"drop connect": drop_connect, "spectral norm": spectral_norm, "weight norm": weight_norm}
X = torch.rand((6, 10), generator=torch.Generator().manual_seed(1))


def train(model, attach=None, steps=3):
    """The losses, and the weights in the end (at a learning rate of 0, what the passes drew and iterated)."""
    grapes = attach(model) if attach else None
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = model(X).square().sum()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if isinstance(grapes, Grapes):
            grapes.factors()
    return losses, dict(model.state_dict())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("grapes", [Grapes, lambda m: Grapes(m, "lr_matched")])
def test_passes_and_buffers_are_those_without_grapes(kind, grapes):
    torch.manual_seed(3)
    losses, state = train(feedforward(KINDS[kind]))
    torch.manual_seed(3)
    found, states = train(feedforward(KINDS[kind]), grapes)
    assert found == losses
    assert all(torch.equal(one, states[name]) for name, one in state.items())


@pytest.mark.parametrize("kind", KINDS)
def test_feedback_alignment_draws_nothing_either(kind):
    def both(transport):
        def attach(model):
            transport(model, seed=1)
            return Grapes(model, exclude=["2"] if transport is DirectFeedbackAlignment else ())

        return attach

    losses, _ = train(feedforward(KINDS[kind]))
    assert train(feedforward(KINDS[kind]), both(FeedbackAlignment))[0] == losses
    direct = feedforward(KINDS[kind])
    assert train(direct, lambda m: DirectFeedbackAlignment(m, seed=1))[0] == losses


@pytest.mark.parametrize("settled", [False, True])
def test_the_error_is_multiplied_by_the_factors_of_the_weights_that_were_drawn(settled):
    model = feedforward(drop_connect)
    grapes = Grapes(model)
    if settled:
        train(model, lambda _: grapes, 1)
    model.zero_grad()
    hidden = model[0](X)
    drawn = model[0].parametrizations.weight[0].last.detach()
    seen = []
    activation = torch.relu(hidden)
    activation.register_hook(seen.append)
    model[4](torch.relu(model[2](activation))).square().sum().backward()
    importance = drawn.abs().sum(1).double().numpy()
    factors = torch.from_numpy(modulation_factors(importance)).clamp(1, 2).float()
    expected = (seen[0] * (hidden > 0) * factors).sum(0)
    torch.testing.assert_close(model[0].bias.grad, expected)
    torch.testing.assert_close(grapes.factors()["0"], factors)


@pytest.mark.parametrize("make", [nn.LSTM, nn.GRU, nn.RNN, nn.GRUCell])
def test_drop_connect_on_recurrent_weights(make):
    def network():
        torch.manual_seed(0)
        layer = make(10, 4)
        name = "weight_hh" if make is nn.GRUCell else "weight_hh_l0"
        drop_connect(layer, name)
        return nn.ModuleDict({"layer": layer, "head": nn.Linear(4, 2)})

    def losses(attach):
        torch.manual_seed(2)
        model = network()
        if attach:
            grapes = Grapes(model)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1 if attach is None else 0.0)
        found = []
        for _ in range(3):
            optimizer.zero_grad()
            out = model["layer"](X if make is nn.GRUCell else X.view(3, 2, 10))
            out = out[0] if isinstance(out, tuple) else out
            loss = model["head"](out).square().sum()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
            if attach:
                grapes.factors()
        return found

    assert losses(True) == losses(False)


def test_reading_before_the_first_pass_and_after_a_change_disturbs_nothing():
    model = feedforward(spectral_norm)
    grapes = Grapes(model)
    before = copy.deepcopy(model.state_dict())
    stream = torch.random.get_rng_state()
    first = grapes.factors()["0"]
    with torch.no_grad():
        model[0].parametrizations.weight.original[2] *= 3
    second = grapes.factors()["0"]
    assert not torch.equal(first, second)
    assert model.training
    assert torch.equal(torch.random.get_rng_state(), stream)
    after = model.state_dict()
    assert all(torch.equal(one, after[name]) for name, one in before.items() if "_u" in name)


def test_of_a_computed_weight_only_a_vector_is_kept_after_the_reading():
    model = feedforward(weight_norm)
    Grapes(model)
    train(model, steps=2)
    [hook] = model[0].parametrizations.weight._forward_hooks.values()
    assert hook._weights is None
    assert hook._reduced.shape == (8,)


def test_detaching_leaves_the_parametrization_alone():
    model = feedforward(weight_norm)
    Grapes(model).detach()
    assert not model[0].parametrizations.weight._forward_hooks


def test_locally_a_computed_bias_is_refused_as_a_computed_weight_is():
    model = nn.Sequential(nn.Linear(10, 8), nn.ReLU(), nn.Linear(8, 3))
    drop_connect(model[0], "bias")
    with pytest.raises(InputError, match="layer '0': its bias is computed from other parameters"):
        Grapes(model, "local")
