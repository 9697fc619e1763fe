"""Which layers take part: found from the data flow, whatever the order in which they are registered."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from imc_grapes import FeedbackAlignment, Grapes, InputError
from kernels.oracles.importance import modulation_factors

MODES = ["propagating", "local", "lr_matched"]


class Scaled(torch.autograd.Function):
    """The identity; multiplies the error by the factors."""

    @staticmethod
    def forward(ctx, x, factors):
        ctx.factors = factors
        return x.view_as(x)

    @staticmethod
    def backward(ctx, error):
        return error * ctx.factors, None


def uneven(model, seed=0):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _, parameter in sorted(model.named_parameters()):
            parameter.normal_(0, 0.5, generator=generator)
            spread = torch.rand(len(parameter), generator=generator) + 0.2
            parameter.mul_(spread.view(-1, *[1] * (parameter.dim() - 1)))
    return model


def factors_of(layer, mode="propagating"):
    importance = layer.weight.detach().abs().flatten(1).sum(1).double().numpy()
    factors = torch.from_numpy(modulation_factors(importance)).float().clamp(1, 2)
    return factors.mean().expand_as(factors) if mode == "lr_matched" else factors


def gradients(model, x, run=None):
    model.zero_grad()
    found = (model if run is None else run)(x)
    loss = sum(one.square().sum() for one in (found if isinstance(found, tuple) else (found,)))
    loss.backward()
    return {
        name: None if p.grad is None else p.grad.clone() for name, p in model.named_parameters()
    }


def assert_equal(found, expected):
    assert found.keys() == expected.keys()
    for name, one in found.items():
        if one is None or expected[name] is None:
            assert one is expected[name], name
        else:
            torch.testing.assert_close(one, expected[name], msg=lambda m, n=name: f"{n}: {m}")


def step(model):
    """An update that changes no weight: what the first passes have shown is settled by it."""
    torch.optim.SGD(model.parameters(), lr=0.0).step()


class Net(nn.Module):
    """Two hidden layers and a head, registered in any order."""

    def __init__(self, order=("a", "b", "head")):
        super().__init__()
        sizes = {"a": (5, 6), "b": (6, 6), "head": (6, 3)}
        for name in order:
            setattr(self, name, nn.Linear(*sizes[name]))
        uneven(self)

    def forward(self, x):
        return self.head(torch.tanh(self.b(torch.tanh(self.a(x)))))


X = torch.rand((7, 5), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("order", [("head", "a", "b"), ("b", "head", "a")], ids="-".join)
def test_the_order_of_registration_changes_nothing(order, mode):
    reference, model = Net(), Net(order)
    expected_by = Grapes(reference, mode, layers=["a", "b"])
    grapes = Grapes(model, mode)
    assert list(grapes.factors()) == list(order)[:-1]  # before the first pass
    for _ in range(3):
        expected = gradients(reference, X)
        assert_equal(dict(sorted(gradients(model, X).items())), dict(sorted(expected.items())))
        step(model)
        assert set(grapes.factors()) == set(expected_by.factors()) == {"a", "b"}


def test_before_the_update_is_over_the_layers_are_found_in_each_accumulated_pass():
    reference, model = Net(), Net(("head", "a", "b"))
    Grapes(reference, layers=["a", "b"])
    Grapes(model)
    for one in (reference, model):
        for part in X.split(2):
            one(part).square().sum().backward()
    assert torch.equal(reference.a.weight.grad, model.a.weight.grad)
    assert torch.equal(reference.head.weight.grad, model.head.weight.grad)


def test_nothing_is_watched_once_the_first_update_is_over():
    model = Net(("head", "a", "b"))
    Grapes(model)
    gradients(model, X)
    step(model)
    assert not model._forward_hooks
    assert not model.head._forward_hooks
    assert not any(module._forward_pre_hooks for module in model.modules())


class TwoHeads(nn.Module):
    """A body with two heads, of which a batch may use one."""

    def __init__(self):
        super().__init__()
        self.main, self.other = nn.Linear(6, 3), nn.Linear(6, 2)
        self.body = nn.Linear(5, 6)
        uneven(self)

    def forward(self, x, heads=("main", "other"), m=None):
        hidden = self.body(x) if m is None else Scaled.apply(self.body(x), m)
        return tuple(getattr(self, head)(torch.tanh(hidden)) for head in heads)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("called", [("main", "other"), ("main",), ("other",)], ids="-".join)
def test_every_head_is_an_output_layer_used_from_the_start_or_later(called, mode):
    model, plain = TwoHeads(), TwoHeads()
    grapes = Grapes(model, mode)
    m = factors_of(plain.body, mode)
    for heads in (called, ("other", "main"), ("main",)):
        expected = gradients(plain, X, lambda x, h=heads: plain(x, h, m))
        assert_equal(gradients(model, X, lambda x, h=heads: model(x, h)), expected)
        step(model)
    assert list(grapes.factors()) == ["body"]


class Residual(nn.Module):
    """Two convolutional blocks with a sum around the second, a batch norm behind each convolution."""

    def __init__(self, order):
        super().__init__()
        make = {
            "head": lambda: nn.Linear(4, 3),
            "first": lambda: nn.Conv2d(1, 4, 3, padding=1),
            "norm": lambda: nn.BatchNorm2d(4),
            "second": lambda: nn.Conv2d(4, 4, 3, padding=1),
        }
        for name in order:
            setattr(self, name, make[name]())
        uneven(self)

    def forward(self, x):
        x = torch.relu(self.norm(self.first(x)))
        x = x + torch.relu(self.second(x))
        return self.head(x.mean((2, 3)))


@pytest.mark.parametrize("mode", MODES)
def test_residual_networks_and_batch_norms(mode):
    x = torch.rand((5, 1, 4, 4), generator=torch.Generator().manual_seed(1))
    reference = Residual(("first", "norm", "second", "head"))
    model = Residual(("head", "second", "norm", "first"))
    Grapes(reference, mode, layers=["first", "second"])
    grapes = Grapes(model, mode)
    for _ in range(2):
        expected = gradients(reference, x)
        assert_equal(dict(sorted(gradients(model, x).items())), dict(sorted(expected.items())))
        step(model)
    assert set(grapes.factors()) == {"first", "second"}


class OverTime(nn.Module):
    """A cell in a loop, its state handed back, and what makes the output of the last state."""

    def __init__(self, order):
        super().__init__()
        make = {
            "head": lambda: nn.Linear(4, 3),
            "cell": lambda: nn.GRUCell(6, 4),
            "front": lambda: nn.Linear(5, 6),
        }
        for name in order:
            setattr(self, name, make[name]())
        uneven(self)

    def forward(self, x):
        state = None
        for _ in range(3):
            state = self.cell(torch.tanh(self.front(x)), state)
        return self.head(state) if hasattr(self, "head") else state


@pytest.mark.parametrize("mode", MODES)
def test_a_cell_in_a_loop_is_hidden_below_a_head_and_else_the_output(mode):
    reference, model = (
        OverTime(("front", "cell", "head")),
        OverTime(("head", "cell", "front")),
    )
    Grapes(reference, mode, layers=["front", "cell"])
    grapes = Grapes(model, mode)
    expected = gradients(reference, X)
    assert_equal(dict(sorted(gradients(model, X).items())), dict(sorted(expected.items())))
    step(model)
    assert set(grapes.factors()) == {"front", "cell"}
    alone = OverTime(("cell", "front"))
    grapes = Grapes(alone, mode)
    reference = OverTime(("front", "cell"))
    Grapes(reference, mode, layers=["front"])
    for _ in range(2):
        expected = gradients(reference, X)
        assert_equal(dict(sorted(gradients(alone, X).items())), dict(sorted(expected.items())))
        step(alone)
    assert set(grapes.factors()) == {"front"}


class Passes(nn.Module):
    """One module as first and as last layer."""

    def __init__(self):
        super().__init__()
        self.both, self.between = nn.Linear(6, 6), nn.Linear(6, 6)
        uneven(self)

    def forward(self, x, m=None, m_between=None):
        scaled = (lambda t, m: t) if m is None else Scaled.apply
        hidden = torch.tanh(scaled(self.both(x), m))
        return self.both(torch.tanh(scaled(self.between(hidden), m_between)))


@pytest.mark.parametrize("mode", ["propagating", "lr_matched"])
def test_a_module_is_modulated_where_it_is_hidden_and_not_where_it_is_the_output(mode):
    x = torch.rand((4, 6), generator=torch.Generator().manual_seed(2))
    model, plain = Passes(), Passes()
    grapes = Grapes(model, mode)
    m, m_between = factors_of(plain.both, mode), factors_of(plain.between, mode)
    for _ in range(2):
        expected = gradients(plain, x, lambda x: plain(x, m, m_between))
        assert_equal(gradients(model, x), expected)
        step(model)
    assert set(grapes.factors()) == {"both", "between"}


def test_locally_a_module_that_is_hidden_and_output_layer_is_refused_unless_named():
    x = torch.rand(4, 6)
    model = Passes()
    grapes = Grapes(model, "local")
    with pytest.raises(InputError, match="layer 'both' is hidden and output layer at once"):
        model(x).sum().backward()
    grapes.detach()
    named = Grapes(model, "local", layers=["between"])
    model(x).sum().backward()
    assert set(named.factors()) == {"between"}


def test_locally_weights_shared_by_a_hidden_and_an_output_layer_are_refused():
    model = Net(("head", "b", "a"))
    model.head = nn.Linear(6, 6)
    model.head.weight = model.b.weight
    Grapes(model, "local")
    with pytest.raises(InputError, match="layer 'b': shares its weights with 'head'"):
        model(X).sum().backward()


class TiedDecoder(nn.Module):
    """The output is made with the weights of an embedding, by a function."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(9, 6)
        self.a, self.b = nn.Linear(6, 6), nn.Linear(6, 6)
        uneven(self)

    def forward(self, words):
        hidden = torch.tanh(self.b(torch.tanh(self.a(self.embed(words)))))
        return {"logits": nn.functional.linear(hidden, self.embed.weight)}


def test_weights_that_lie_in_no_layer_make_those_before_them_hidden():
    model, reference = TiedDecoder(), TiedDecoder()
    grapes = Grapes(model)
    Grapes(reference, layers=["a", "b"])
    words = torch.tensor([1, 4, 8])
    for one in (model, reference):
        one(words)["logits"].square().sum().backward()
    assert torch.equal(model.a.weight.grad, reference.a.weight.grad)
    assert torch.equal(model.b.weight.grad, reference.b.weight.grad)
    step(model)
    assert set(grapes.factors()) == {"a", "b"}


def test_the_parts_of_a_model_may_be_called_one_by_one():
    model, reference = Net(("head", "a", "b")), Net()
    Grapes(model)
    Grapes(reference, layers=["a", "b"])

    def by_parts(net):
        return lambda x: net.head(torch.tanh(net.b(torch.tanh(net.a(x)))))

    expected = gradients(reference, X, by_parts(reference))
    found = gradients(model, X, by_parts(model))
    assert_equal(dict(sorted(found.items())), dict(sorted(expected.items())))


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize("where", ["body", "whole"])
@pytest.mark.parametrize("mode", MODES)
def test_under_checkpoints_the_gradients_are_those_without(mode, where, reentrant):
    x = X.clone().requires_grad_()

    def checkpointed(net):
        def body(x):
            return torch.tanh(net.b(torch.tanh(net.a(x))))

        if where == "whole":
            return lambda x: checkpoint(net.forward, x, use_reentrant=reentrant)
        return lambda x: net.head(checkpoint(body, x, use_reentrant=reentrant))

    model, reference = Net(("head", "a", "b")), Net()
    grapes = Grapes(model, mode)
    Grapes(reference, mode, layers=["a", "b"])
    for _ in range(2):
        expected = gradients(reference, x)
        found = gradients(model, x, checkpointed(model))
        assert_equal(dict(sorted(found.items())), dict(sorted(expected.items())))
        step(model)
    assert set(grapes.factors()) == {"a", "b"}


def test_evaluation_and_other_models_between_forward_and_backward_change_nothing():
    model, reference = Net(("head", "a", "b")), Net()
    grapes = Grapes(model)
    Grapes(reference, layers=["a", "b"])
    loss = model(X).square().sum()
    with torch.no_grad():
        model(X + 1)
        model.b(torch.tanh(model.a(X)))
    loss.backward()
    reference(X).square().sum().backward()
    assert torch.equal(model.a.weight.grad, reference.a.weight.grad)
    step(model)
    with torch.no_grad():
        model(X)
    assert set(grapes.factors()) == {"a", "b"}


def test_second_derivatives_pass_through_the_modulation():
    def penalty(run, net):
        net.zero_grad()
        x = X.clone().requires_grad_()
        (slope,) = torch.autograd.grad(run(x).square().sum(), x, create_graph=True)
        slope.square().sum().backward()
        return net.a.weight.grad.clone()

    model, plain = Net(("head", "a", "b")), Net()
    Grapes(model)
    m, n = factors_of(plain.a), factors_of(plain.b)

    def by_hand(x):
        hidden = torch.tanh(Scaled.apply(plain.a(x), m))
        return plain.head(torch.tanh(Scaled.apply(plain.b(hidden), n)))

    torch.testing.assert_close(penalty(model, model), penalty(by_hand, plain))


def test_a_frozen_body_below_a_head_defined_first():
    model, reference = Net(("head", "a", "b")), Net()
    for net in (model, reference):
        net.a.requires_grad_(False)
    grapes = Grapes(model)
    Grapes(reference, layers=["a", "b"])
    for _ in range(2):
        assert_equal(
            dict(sorted(gradients(model, X).items())), dict(sorted(gradients(reference, X).items()))
        )
        step(model)
    assert "b" in grapes.factors()
    assert "head" not in grapes.factors()


def test_a_wrapped_model_is_followed_to_its_own_output():
    model, reference = Net(("head", "a", "b")), Net()
    Grapes(reference, layers=["a", "b"])
    grapes = Grapes(nn.DataParallel(model))
    wrapped = nn.DataParallel(model)
    assert_equal(
        dict(sorted(gradients(model, X, wrapped).items())),
        dict(sorted(gradients(reference, X).items())),
    )
    step(model)
    assert set(grapes.factors()) == {"module.a", "module.b"}


def test_under_feedback_alignment_too():
    model, reference = Net(("head", "a", "b")), Net()
    for net, layers in ((model, None), (reference, ["a", "b"])):
        FeedbackAlignment(net, seed=3)
        Grapes(net, layers=layers)
    assert_equal(
        dict(sorted(gradients(model, X).items())), dict(sorted(gradients(reference, X).items()))
    )


def test_what_the_layer_registered_last_is_checked_for_when_it_is_found_hidden():
    model = Net(("head", "a", "b"))
    nn.utils.parametrizations.weight_norm(model.b)
    Grapes(model, "local")
    with pytest.raises(InputError, match="layer 'b': its weight is computed from other parameters"):
        model(X)
    model = Net(("head", "a", "b"))
    Grapes(model, layers=["b"])
    Grapes(model)
    with pytest.raises(InputError, match="layer 'b': another Grapes acts on it already"):
        model(X)


def test_a_model_of_output_layers_alone_is_refused_before_the_first_step():
    model = nn.ModuleDict({"one": nn.Linear(5, 3), "other": nn.Linear(5, 3)})
    Grapes(model)
    (model["one"](X) + model["other"](X)).sum().backward()
    with pytest.raises(InputError, match="GRAPES has no layer to act on"):
        step(model)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("mode", ["propagating", "local"])
def test_under_compile_before_and_after_the_first_update(mode, backend):
    torch.compiler.reset()
    x = torch.rand((5, 1, 4, 4), generator=torch.Generator().manual_seed(1))
    reference = Residual(("first", "norm", "second", "head"))
    model = Residual(("head", "second", "norm", "first"))
    Grapes(reference, mode, layers=["first", "second"])
    grapes = Grapes(model, mode)
    compiled = torch.compile(model, backend=backend)
    for _ in range(3):
        expected = gradients(reference, x)
        found = gradients(model, x, compiled)
        assert_equal(dict(sorted(found.items())), dict(sorted(expected.items())))
        step(model)
    assert set(grapes.factors()) == {"first", "second"}
    torch.compiler.reset()
