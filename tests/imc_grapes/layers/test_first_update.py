"""A warning where the hooks of a layer never ran, and none where they did."""

import warnings

import pytest
import torch
from torch import nn

from imc_grapes import DirectFeedbackAlignment, FeedbackAlignment, Grapes

X = torch.rand((6, 5), generator=torch.Generator().manual_seed(1))


class Net(nn.Module):
    """Three layers, each called in the way that `how` says."""

    def __init__(self, **how):
        super().__init__()
        self.a, self.b, self.head = nn.Linear(5, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.how = how

    def run(self, name, x):
        layer = getattr(self, name)
        how = self.how.get(name, "called")
        if how == "unused":
            return x
        if how == "forward":
            return layer.forward(x)
        return nn.functional.linear(x, layer.weight) if how == "weight" else layer(x)

    def forward(self, x):
        return self.run("head", torch.relu(self.run("b", torch.relu(self.run("a", x)))))


def warned(model, steps=3, passes=1, **optimizer):
    trained = torch.optim.SGD(model.parameters(), lr=0.01, **optimizer)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for _ in range(steps):
            trained.zero_grad()
            for _ in range(passes):
                model(X).square().sum().backward()
            trained.step()
    return [str(one.message) for one in seen]


@pytest.mark.parametrize("mode", ["propagating", "local", "lr_matched"])
@pytest.mark.parametrize("passes", [1, 3])
@pytest.mark.parametrize("how", ["forward", "weight"])
def test_layers_whose_hooks_never_ran_are_named_once(how, passes, mode):
    model = Net(a=how, b=how)
    Grapes(model, mode)
    [message] = warned(model, passes=passes)
    assert message.startswith("GRAPES did not modulate layer 'a', 'b': hooks run when a layer is")
    assert "layer.forward(x)" in message
    assert "exclude=" in message


@pytest.mark.parametrize("layers", [None, ["a", "b"]])
def test_one_of_the_layers(layers):
    model = Net(b="forward")
    Grapes(model, layers=layers)
    [message] = warned(model)
    assert "layer 'b':" in message


@pytest.mark.parametrize("mode", ["propagating", "local", "lr_matched"])
def test_a_model_that_calls_its_layers_is_trained_without_a_word(mode):
    model = Net()
    Grapes(model, mode)
    assert warned(model) == []


def test_a_head_whose_weights_a_function_uses_leaves_those_before_it_hidden():
    model = Net(head="weight")
    grapes = Grapes(model)
    assert warned(model) == []
    assert set(grapes.factors()) == {"a", "b"}


def test_where_the_head_cannot_be_seen_it_is_named():
    """The model is not called as a whole, so what its layers feed in the end is not known."""
    model = Net(head="weight")
    Grapes(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    model.forward(X).square().sum().backward()
    with pytest.warns(UserWarning, match="GRAPES did not modulate layer 'head'"):
        optimizer.step()


def test_a_layer_that_is_unused_or_frozen_is_named_when_it_is_first_trained_past_its_hooks():
    model = Net(b="unused")
    Grapes(model)
    assert warned(model) == []
    model.how["b"] = "called"
    assert warned(model) == []
    model = Net(b="forward")
    model.b.requires_grad_(False)
    Grapes(model)
    assert warned(model) == []
    model.b.requires_grad_(True)
    [message] = warned(model)
    assert "layer 'b':" in message


def test_gradients_of_zero_are_no_training():
    model = Net(b="unused")
    Grapes(model)
    for parameter in model.b.parameters():
        parameter.grad = torch.zeros_like(parameter)
    trained = torch.optim.SGD(model.parameters(), lr=0.01)
    model(X).square().sum().backward()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained.step()


def test_the_optimizer_of_another_model_asks_nothing():
    model, other = Net(a="forward"), Net()
    Grapes(model)
    model(X).sum().backward()
    other(X).sum().backward()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.optim.SGD(other.parameters(), lr=0.1).step()


def test_a_detached_grapes_does_not_warn():
    model = Net(a="forward")
    Grapes(model).detach()
    assert warned(model) == []


def test_the_projection_of_an_attention_whose_weights_go_into_a_function():
    model = nn.ModuleDict({"attention": nn.MultiheadAttention(6, 2), "head": nn.Linear(6, 3)})
    Grapes(model, layers=["attention.out_proj"])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x = torch.rand(4, 2, 6)
    model["head"](model["attention"](x, x, x)[0]).sum().backward()
    with pytest.warns(UserWarning, match=r"layer 'attention\.out_proj'"):
        optimizer.step()


@pytest.mark.parametrize("transport", [FeedbackAlignment, DirectFeedbackAlignment])
def test_an_error_transport_says_which_layers_it_passed_by(transport):
    model = Net(b="forward")
    transport(model)
    [message] = warned(model)
    assert message.startswith(f"{transport.__name__} did not send the error past layer 'b'")
    assert warned(Net()) == []


def test_on_tiles():
    from aihwkit.nn import AnalogLinear
    from aihwkit.optim import AnalogSGD

    from crossbar import PCMConfig

    config = PCMConfig(device="linear", io="perfect")
    model = nn.ModuleDict(
        {
            "a": AnalogLinear(5, 6, rpu_config=config),
            "b": AnalogLinear(6, 6, rpu_config=config),
            "head": AnalogLinear(6, 3, rpu_config=config),
        }
    )
    grapes = Grapes(model)
    optimizer = AnalogSGD(model.parameters(), lr=0.01)
    optimizer.regroup_param_groups(model)
    model["head"](model["b"].forward(torch.relu(model["a"](X)))).square().sum().backward()
    with pytest.warns(UserWarning, match="GRAPES did not modulate layer 'b'"):
        optimizer.step()
    assert set(grapes.factors()) == {"a", "b"}


def test_the_optimizer_of_another_model_decides_nothing():
    """An unfinished model elsewhere in the process neither fails the step of this one nor is decided by it."""
    other = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    grapes = Grapes(other)
    other[0](torch.randn(5, 3)).sum().backward()  # its first layer alone, as if it were the output
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(torch.randn(5, 3)).sum().backward()
    optimizer.step()
    assert list(grapes.layers) == ["0"]
    own = torch.optim.SGD(other.parameters(), lr=0.1)
    other.zero_grad()
    other(torch.randn(5, 3)).sum().backward()
    own.step()
    assert list(grapes.layers) == ["0"]
