"""Models that make attaching from outside hard: right, or a clear error."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from imc_grapes import DirectFeedbackAlignment, FeedbackAlignment, Grapes, InputError
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


def uneven(model):
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in dict.fromkeys(model.parameters()):
            parameter.normal_(0, 0.5, generator=generator)
            spread = torch.rand(len(parameter), generator=generator) + 0.2
            parameter.mul_(spread.view(-1, *[1] * (parameter.dim() - 1)))
    return model


def factors_of(layer, mode):
    importance = (
        np.abs(layer.weight.detach().double().numpy()).reshape(len(layer.weight), -1).sum(1)
    )
    found = torch.from_numpy(np.clip(modulation_factors(importance), 1, 2)).to(layer.weight.dtype)
    return found.mean().expand_as(found) if mode == "lr_matched" else found


def mlp():
    return uneven(
        nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 3))
    )


def images():
    return torch.rand((4, 6), generator=torch.Generator().manual_seed(1))


def gradients(model, call=None, x=None):
    model.zero_grad()
    run = model if call is None else call
    run(images() if x is None else x).square().sum().backward()
    return [p.grad.clone() for p in model.parameters()]


def assert_close(found, expected, tolerance=1e-5):
    for one, other in zip(found, expected, strict=True):
        assert (one - other).abs().max() <= tolerance * other.abs().max()


class Tied(nn.Module):
    """Two hidden layers with one matrix and a bias each; `outside` ties the output layer too."""

    def __init__(self, outside=False):
        super().__init__()
        self.first, self.second = nn.Linear(6, 6), nn.Linear(6, 6)
        self.last = nn.Linear(6, 6)
        self.second.weight = self.first.weight
        if outside:
            self.last.weight = self.first.weight
        uneven(self)

    def forward(self, x, scale_first=lambda e: e, scale_second=lambda e: e):
        hidden = torch.tanh(scale_first(self.first(x)))
        return self.last(torch.tanh(scale_second(self.second(hidden))))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("again", [lambda m: m, copy.deepcopy], ids=["itself", "copy"])
def test_two_layers_that_share_their_weights_are_each_modulated_once(mode, again):
    plain = Tied()
    m = factors_of(plain.first, mode)
    if mode == "local":
        expected = gradients(plain)
        expected = [g * m.view(-1, *[1] * (g.dim() - 1)) for g in expected[:3]] + expected[3:]
    else:
        scale = lambda error: Scaled.apply(error, m)  # noqa: E731
        expected = gradients(plain, lambda x: plain(x, scale, scale))
    model = Tied()
    grapes = Grapes(model, mode)
    gradients(model)
    assert_close(gradients(again(model)), expected)
    grapes.detach()
    assert_close(gradients(model), gradients(Tied()))


def test_locally_weights_shared_with_a_layer_that_takes_no_part_are_refused():
    message = "layer 'first': shares its weights with 'last', which takes no part"
    with pytest.raises(InputError, match=message):
        Grapes(Tied(outside=True), "local")
    words = nn.ModuleDict({"embed": nn.Embedding(9, 6), "read": nn.Linear(6, 9, bias=False)})
    words["read"].weight = words["embed"].weight
    words["last"] = nn.Linear(9, 2)
    with pytest.raises(InputError, match="layer 'read': shares its weights with 'embed'"):
        Grapes(words, "local")
    Grapes(words, "local", layers=["last"])


@pytest.mark.parametrize("mode", ["propagating", "lr_matched"])
def test_weights_shared_with_the_output_layer_are_modulated_where_they_are_hidden(mode):
    model, plain = Tied(outside=True), Tied(outside=True)
    m = factors_of(plain.first, mode)
    scale = lambda error: Scaled.apply(error, m)  # noqa: E731
    Grapes(model, mode)
    assert_close(gradients(model), gradients(plain, lambda x: plain(x, scale, scale)))


@pytest.mark.parametrize("mode", MODES)
def test_a_module_used_twice_is_read_for_one_update_and_modulated_at_each_use(mode):
    shared, last = nn.Linear(6, 6), nn.Linear(6, 3)
    model = uneven(nn.Sequential(shared, nn.Tanh(), shared, nn.Tanh(), last))
    m = factors_of(shared, mode)
    twin = copy.deepcopy(model)

    def by_hand(x):
        scale = (lambda e: e) if mode == "local" else (lambda e: Scaled.apply(e, m))
        hidden = torch.tanh(scale(twin[0](x)))
        return twin[4](torch.tanh(scale(twin[0](hidden))))

    expected = gradients(twin, by_hand)
    if mode == "local":
        expected[0], expected[1] = expected[0] * m.view(-1, 1), expected[1] * m
    grapes = Grapes(model, mode)
    assert set(grapes.factors()) == {"0"}
    assert_close(gradients(model), expected)


def test_every_name_of_a_module_names_it():
    shared, last = nn.Linear(6, 6), nn.Linear(6, 3)
    model = nn.Sequential(shared, nn.Tanh(), nn.Linear(6, 6), shared, last)
    assert set(Grapes(model, layers=["3"]).factors()) == {"0"}
    assert set(Grapes(copy.deepcopy(model), exclude=["3"]).factors()) == {"2"}


def test_another_name_for_the_output_layer_makes_it_no_hidden_one():
    model = nn.ModuleDict({"net": mlp()})
    model["head"] = model["net"][4]
    assert set(Grapes(model).factors()) == {"net.0", "net.2"}


@pytest.mark.parametrize("mode", ["propagating", "lr_matched"])
def test_a_frozen_layer_passes_its_modulated_error_upstream(mode):
    model, plain = mlp(), mlp()
    m0, m2 = factors_of(plain[0], mode), factors_of(plain[2], mode)
    for one in (model, plain):
        one[2].requires_grad_(False)
    Grapes(model, mode)
    model(images()).square().sum().backward()
    hidden = torch.tanh(Scaled.apply(plain[0](images()), m0))
    plain[4](torch.tanh(Scaled.apply(plain[2](hidden), m2))).square().sum().backward()
    assert model[2].weight.grad is None
    assert_close(
        [model[0].weight.grad, model[4].weight.grad], [plain[0].weight.grad, plain[4].weight.grad]
    )


@pytest.mark.parametrize("mode", MODES)
def test_gradients_are_accumulated_with_the_factors_of_the_weights_before_the_update(mode):
    model, reference = mlp(), mlp()
    optimizers = [torch.optim.SGD(m.parameters(), lr=0.05) for m in (model, reference)]
    on_model, on_reference = Grapes(model, mode), Grapes(reference, mode)
    for _ in range(3):
        optimizers[0].zero_grad()
        seen = []
        for part in images().split(1):
            model(part).square().sum().backward()
            seen.append(on_model.factors()["0"])
        assert all(torch.equal(factors, seen[0]) for factors in seen)
        gradients(reference)
        for optimizer in optimizers:
            optimizer.step()
        assert_close(list(model.parameters()), list(reference.parameters()))
    assert_close(on_model.factors().values(), on_reference.factors().values())


class Mixed(nn.Module):
    """Convolution with batch norm, a cell in a loop and a readout."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv1d(2, 5, 3, bias=False), nn.BatchNorm1d(5), nn.ReLU())
        self.cell = nn.GRUCell(5, 6)
        self.layer = nn.LSTM(6, 4)
        self.head = nn.Linear(4, 2)
        uneven(self)

    def forward(self, x):
        state, outputs = None, []
        for step in self.body(x).permute(2, 0, 1):
            state = self.cell(step, state)
            outputs.append(state)
        return self.head(self.layer(torch.stack(outputs))[0])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mode", ["propagating", "local"])
@pytest.mark.parametrize(("when", "backend"), [("before", "eager"), ("after", "aot_eager")])
def test_under_compile_the_gradients_are_those_without(mode, when, backend):
    torch.compiler.reset()
    model, x = Mixed(), torch.rand((3, 2, 4), generator=torch.Generator().manual_seed(3))
    plain, reference = gradients(model, x=x), copy.deepcopy(model)
    Grapes(reference, mode)
    expected = gradients(reference, x=x)
    compiled = torch.compile(model, backend=backend)
    if when == "after":
        assert_close(gradients(model, compiled, x), plain)
        grapes = Grapes(compiled, mode)
    else:
        grapes = Grapes(model, mode)
    assert set(grapes.factors()) == {"body.0", "cell", "layer"}
    assert_close(gradients(model, compiled, x), expected)
    assert max(float((a - b).abs().max()) for a, b in zip(plain, expected, strict=True)) > 0.01
    grapes.detach()
    assert_close(gradients(model, compiled, x), plain)
    torch.compiler.reset()


@pytest.mark.filterwarnings("ignore")
def test_under_compile_the_factors_follow_the_weights():
    torch.compiler.reset()
    model = mlp()
    reference = copy.deepcopy(model)
    compiled = torch.compile(model, backend="eager")
    for one in (model, reference):
        Grapes(one)
    for _ in range(3):
        assert_close(gradients(model, compiled), gradients(reference))
        with torch.no_grad():
            for one in (model, reference):
                one[0].weight[2] *= 1.7
    torch.compiler.reset()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["copy", "pickle"]
)
def test_a_copy_is_modulated_by_its_own_weights(mode, again):
    model, x = Mixed(), torch.rand(3, 2, 6)
    Grapes(model, mode)
    gradients(model, x=x)
    other, fresh = again(model), Mixed()
    with torch.no_grad():
        for one in (other, fresh):
            one.cell.weight_hh[3] *= 5
            one.layer.weight_ih_l0[2] *= 5
    Grapes(fresh, mode)
    assert_close(gradients(other, x=x), gradients(fresh, x=x))


@pytest.mark.parametrize("mode", MODES)
def test_autocast_keeps_the_modulation(mode):
    model, x = Mixed(), torch.rand(3, 2, 6)
    reference = copy.deepcopy(model)
    for one in (model, reference):
        Grapes(one, mode)

    def cast(given):
        with torch.autocast("cpu", torch.bfloat16):
            return model(given).float()

    found, expected = gradients(model, cast, x), gradients(reference, x=x)
    assert_close(found, expected, 0.1)
    assert all(gradient.dtype == torch.float32 for gradient in found)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("mode", MODES)
def test_on_a_gpu_the_gradients_are_those_of_the_cpu(mode):
    model, x = Mixed(), torch.rand(3, 2, 6)
    on_gpu = copy.deepcopy(model).cuda()
    for one in (model, on_gpu):
        Grapes(one, mode)
    assert_close([g.cpu() for g in gradients(on_gpu, x=x.cuda())], gradients(model, x=x), 1e-3)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["copy", "pickle"]
)
@pytest.mark.parametrize("settled", [False, True])
def test_what_acts_on_a_copy_can_be_found_and_taken_off(mode, again, settled):
    model = mlp()
    grapes = Grapes(model, mode)
    if settled:
        gradients(model)
        torch.optim.SGD(model.parameters(), lr=0.0).step()
    expected = gradients(model)
    other = again(model)
    assert Grapes.of(model) == [grapes]
    [found] = Grapes.of(other)
    assert found is not grapes
    assert_close(gradients(other), expected)
    assert list(found.layers) == ["0", "2"]
    found.detach()
    assert Grapes.of(other) == []
    assert_close(gradients(other), gradients(mlp()))
    assert not any(module._forward_hooks for module in other.modules())
    assert not any(module._forward_pre_hooks for module in other.modules())
    assert_close(gradients(model), expected)


def test_every_grapes_of_a_model_and_of_its_parts_is_found():
    model = mlp()
    first, second = Grapes(model, layers=["0"]), Grapes(model, "local", layers=["2"])
    assert Grapes.of(model) == [first, second]
    assert Grapes.of(model[2]) == [second]
    assert Grapes.of(nn.Linear(2, 2)) == []
    with pytest.raises(InputError, match=r"model: must be a torch\.nn\.Module"):
        Grapes.of("model")


def test_what_is_no_model_is_refused():
    with pytest.raises(InputError, match=r"model: must be a torch\.nn\.Module \(got 5\)"):
        Grapes(5)
    for transport in (FeedbackAlignment, DirectFeedbackAlignment):
        with pytest.raises(InputError, match=r"model: must be a torch\.nn\.Module \(got None\)"):
            transport(None)


@pytest.mark.parametrize("mode", MODES)
def test_a_model_on_the_meta_device_is_refused_until_it_has_memory(mode):
    model = mlp().to("meta")
    with pytest.raises(InputError, match="layer '0' lies on the meta device"):
        Grapes(model, mode)
    grapes = Grapes(model.to_empty(device="cpu"), mode)
    uneven(model)
    gradients(model)
    model.to("meta")
    with pytest.raises(InputError, match="layer '0' lies on the meta device"):
        grapes.factors()


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "layers",
    [
        (nn.Linear(6, 0), nn.Linear(0, 3)),
        (nn.Conv1d(6, 0, 1), nn.Flatten(), nn.Linear(0, 3)),
    ],
    ids=["linear", "convolution"],
)
def test_a_layer_of_width_0_is_refused(mode, layers):
    with pytest.raises(InputError, match="layer '0' has no nodes: its width is 0"):
        Grapes(nn.Sequential(*layers), mode)


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_a_layer_without_inputs_has_nodes_of_equal_importance():
    model = nn.Sequential(nn.Linear(0, 4), nn.Linear(4, 3))
    assert Grapes(model).factors()["0"].tolist() == [1.0] * 4
