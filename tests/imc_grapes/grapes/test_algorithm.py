"""Gradients under GRAPES against float64 references written from the published equations, not from the code."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from imc_grapes import Grapes, InputError

MODES = ["propagating", "local", "lr_matched"]
TOLERANCE = 1e-5


def relative_error(found, expected):
    """Largest deviation in units of the largest expected entry."""
    expected = np.asarray(expected, np.float64)
    return np.abs(np.asarray(found, np.float64) - expected).max() / np.abs(expected).max()


def uneven_(model, seed=0):
    """Weights whose nodes differ in importance, so that factors spread over all of [1, 2]."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        with torch.no_grad():
            parameter.normal_(0, 0.4, generator=generator)
            if parameter.dim() > 1:
                spread = torch.rand(len(parameter), generator=generator) * 2 + 0.1
                parameter.mul_(spread.view(-1, *[1] * (parameter.dim() - 1)))
    return model


def mlp(bias=True, seed=0):
    layers = [nn.Linear(12, 9, bias=bias), nn.ReLU(), nn.Linear(9, 8, bias=bias), nn.ReLU()]
    return uneven_(nn.Sequential(*layers, nn.Linear(8, 5, bias=bias)), seed)


def batch(seed=1, shape=(6, 12), n_classes=5):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(shape, generator=generator)
    return images, torch.randint(n_classes, shape[:1], generator=generator)


def backward(model, images, labels):
    model.zero_grad()
    loss = nn.functional.cross_entropy(model(images), labels)
    loss.backward()
    return loss.detach()


def gradients(model):
    return [parameter.grad.clone() for parameter in model.parameters()]


def oracle_factors(weight, mode):
    """M_j = clip(2 I_j / max_k I_k, 1, 2) with I_j = sum_i |w_ji|; the mean of them for every node as the control."""
    importance = np.abs(np.asarray(weight, np.float64)).reshape(len(weight), -1).sum(1)
    factors = np.clip(2 * importance / importance.max(), 1, 2)
    return np.full_like(factors, factors.mean()) if mode == "lr_matched" else factors


def oracle_mlp_gradients(model, images, labels, mode):
    """Backpropagation by hand: ReLU, softmax and cross-entropy, y - t at the output, hidden errors modulated."""
    linears = [layer for layer in model if isinstance(layer, nn.Linear)]
    weights = [layer.weight.detach().numpy().astype(np.float64) for layer in linears]
    biases = [
        np.zeros(len(w)) if layer.bias is None else layer.bias.detach().numpy().astype(np.float64)
        for layer, w in zip(linears, weights, strict=True)
    ]
    inputs, slopes = [images.numpy().astype(np.float64)], []
    for w, b in zip(weights[:-1], biases[:-1], strict=True):
        a = inputs[-1] @ w.T + b
        slopes.append((a > 0).astype(np.float64))
        inputs.append(np.maximum(a, 0))
    logits = inputs[-1] @ weights[-1].T + biases[-1]
    y = np.exp(logits - logits.max(1, keepdims=True))
    y /= y.sum(1, keepdims=True)
    target = np.eye(logits.shape[1])[labels.numpy()]
    delta = (y - target) / len(images)
    found = [(delta.T @ inputs[-1], delta.sum(0))]
    for layer in (1, 0):
        factors = oracle_factors(weights[layer], mode)
        plain = (delta @ weights[layer + 1]) * slopes[layer]
        modulated = plain * factors
        found.insert(0, (modulated.T @ inputs[layer], modulated.sum(0)))
        delta = plain if mode == "local" else modulated
    return found, delta @ weights[0]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gradients_of_a_three_layer_mlp_follow_the_equations(mode, bias, seed):
    model = mlp(bias, seed)
    images, labels = batch(seed)
    expected, expected_images = oracle_mlp_gradients(model, images, labels, mode)
    Grapes(model, mode)
    images.requires_grad_()
    backward(model, images, labels)
    linears = [layer for layer in model if isinstance(layer, nn.Linear)]
    for layer, (weight_gradient, bias_gradient) in zip(linears, expected, strict=True):
        assert relative_error(layer.weight.grad, weight_gradient) < TOLERANCE
        if bias:
            assert relative_error(layer.bias.grad, bias_gradient) < TOLERANCE
    assert relative_error(images.grad, expected_images) < TOLERANCE


class ScaleError(torch.autograd.Function):
    """Identity forward; backward multiplies by factors per channel."""

    @staticmethod
    def forward(ctx, activations, factors):
        ctx.save_for_backward(factors.view(1, -1, *[1] * (activations.dim() - 2)))
        return activations.clone()

    @staticmethod
    def backward(ctx, error):
        return error * ctx.saved_tensors[0], None


def cnn():
    convolutions = [
        nn.Conv2d(2, 6, 3, padding=1, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 5, 3, padding=1, bias=False),
        nn.BatchNorm2d(5),
        nn.ReLU(),
        nn.AvgPool2d(2),
    ]
    dense = [nn.Flatten(), nn.Linear(20, 7), nn.ReLU(), nn.Linear(7, 4)]
    return uneven_(nn.Sequential(*convolutions, *dense))


def oracle_cnn_gradients(model, images, labels, mode):
    """The network in float64; the error of a convolution is modulated behind batch norm and ReLU, before pooling.

    Locally, the plain gradient of each layer's own weights and biases is scaled row by row.
    """
    exact = copy.deepcopy(model).double()
    hidden = [exact[0], exact[4], exact[9]]
    factors = [torch.from_numpy(oracle_factors(layer.weight.detach(), mode)) for layer in hidden]
    activations = images.double()
    for index, layer in enumerate(exact):
        activations = layer(activations)
        if mode != "local" and index in (2, 6, 10):
            activations = ScaleError.apply(activations, factors[(2, 6, 10).index(index)])
    nn.functional.cross_entropy(activations, labels).backward()
    if mode == "local":
        for layer, factor in zip(hidden, factors, strict=True):
            for parameter in layer.parameters():
                parameter.grad *= factor.view(-1, *[1] * (parameter.dim() - 1))
    return [parameter.grad for parameter in exact.parameters()]


@pytest.mark.parametrize("mode", MODES)
def test_gradients_of_a_cnn_with_batch_norm_and_pooling_follow_the_equations(mode):
    model = cnn()
    images, labels = batch(3, (8, 2, 8, 8), 4)
    expected = oracle_cnn_gradients(model, images, labels, mode)
    Grapes(model, mode)
    backward(model, images, labels)
    for (name, parameter), gradient in zip(model.named_parameters(), expected, strict=True):
        assert relative_error(parameter.grad, gradient) < TOLERANCE, name


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("make", [mlp, cnn])
def test_loss_outputs_and_after_detach_gradients_are_bit_identical(make, mode):
    shape, n_classes = ((6, 12), 5) if make is mlp else ((8, 2, 8, 8), 4)
    plain, modulated = make(), make()
    images, labels = batch(3, shape, n_classes)
    expected_loss = backward(plain, images, labels)
    grapes = Grapes(modulated, mode)
    assert torch.equal(backward(modulated, images, labels), expected_loss)
    assert not all(map(torch.equal, gradients(modulated), gradients(plain)))
    assert torch.equal(modulated(images), plain(images))
    grapes.detach()
    grapes.detach()
    backward(plain, images, labels)
    backward(modulated, images, labels)
    assert all(map(torch.equal, gradients(modulated), gradients(plain)))
    assert not any(module._forward_hooks for module in modulated.modules())
    assert not any(module._forward_pre_hooks for module in modulated.modules())
    assert not any(parameter._backward_hooks for parameter in modulated.parameters())


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_kept_from_one_update_to_the_next(mode):
    model, images, labels = mlp(), *batch()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    grapes = Grapes(model, mode)
    for _ in range(2):
        backward(model, images, labels)
        optimizer.step()
    state = optimizer.state_dict()["state"]
    assert not [v for entry in state.values() for v in entry.values() if torch.is_tensor(v)]
    assert {k: v.shape for k, v in model.state_dict().items()} == {
        k: v.shape for k, v in mlp().state_dict().items()
    }
    assert list(model.buffers()) == []
    assert not [v for v in vars(grapes).values() if torch.is_tensor(v)]


@pytest.mark.parametrize("mode", MODES)
def test_factors_follow_the_weights_of_the_moment(mode):
    model, images, labels = mlp(), *batch()
    grapes = Grapes(model, mode)
    backward(model, images, labels)
    before = grapes.factors()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.flip(0))
    expected, _ = oracle_mlp_gradients(model, images, labels, mode)
    backward(model, images, labels)
    assert relative_error(model[0].weight.grad, expected[0][0]) < TOLERANCE
    after = grapes.factors()
    assert list(after) == ["0", "2"]
    assert [len(factor) for factor in after.values()] == [9, 8]
    np.testing.assert_allclose(after["0"], before["0"].flip(0), rtol=1e-6)
    np.testing.assert_allclose(
        after["0"], oracle_factors(model[0].weight.detach(), mode), rtol=1e-6
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "again",
    [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))],
    ids=["copy", "pickle"],
)
@pytest.mark.parametrize("used_before", [False, True])
def test_a_copied_or_pickled_model_is_modulated_by_its_own_weights(mode, again, used_before):
    model, images, labels = mlp(), *batch()
    Grapes(model, mode)
    if used_before:
        backward(model, images, labels)
    other = again(model)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(
                torch.linspace(0.2, 2, len(parameter)).view(-1, *[1] * (parameter.dim() - 1))
            )
    expected, _ = oracle_mlp_gradients(other, images, labels, mode)
    backward(other, images, labels)
    assert relative_error(other[0].weight.grad, expected[0][0]) < TOLERANCE
    assert relative_error(other[2].bias.grad, expected[1][1]) < TOLERANCE


@pytest.mark.parametrize("mode", MODES)
def test_a_pickled_pair_of_model_and_grapes_belongs_together(mode):
    model, images, labels = mlp(), *batch()
    model, grapes = pickle.loads(pickle.dumps((model, Grapes(model, mode))))
    grapes.detach()
    backward(model, images, labels)
    plain = mlp()
    backward(plain, images, labels)
    assert all(map(torch.equal, gradients(model), gradients(plain)))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("assign", [False, True])
def test_loading_a_state_dict_keeps_the_modulation(mode, assign):
    model, images, labels = mlp(seed=0), *batch()
    grapes = Grapes(model, mode)
    backward(model, images, labels)
    model.load_state_dict(mlp(seed=5).state_dict(), assign=assign)
    expected, _ = oracle_mlp_gradients(model, images, labels, mode)
    backward(model, images, labels)
    assert relative_error(model[0].weight.grad, expected[0][0]) < TOLERANCE
    grapes.detach()
    backward(model, images, labels)
    plain = mlp(seed=5)
    backward(plain, images, labels)
    assert all(map(torch.equal, gradients(model), gradients(plain)))


@pytest.mark.parametrize("mode", MODES)
def test_accumulated_gradients_are_the_sum_over_the_small_batches(mode):
    model, images, labels = mlp(), *batch()
    Grapes(model, mode)
    expected, _ = oracle_mlp_gradients(model, images, labels, mode)
    model.zero_grad()
    for part in (slice(0, 2), slice(2, 6)):
        (
            nn.functional.cross_entropy(model(images[part]), labels[part], reduction="sum") / 6
        ).backward()
    assert relative_error(model[0].weight.grad, expected[0][0]) < TOLERANCE


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_frozen_layer_stays_without_gradient_and_the_others_keep_theirs(mode, when):
    model, images, labels = mlp(), *batch()
    expected, _ = oracle_mlp_gradients(model, images, labels, mode)
    if when == "before":
        model[2].requires_grad_(False)
        Grapes(model, mode)
    else:
        Grapes(model, mode)
        model[2].requires_grad_(False)
    backward(model, images, labels)
    assert model[2].weight.grad is None
    assert relative_error(model[0].weight.grad, expected[0][0]) < TOLERANCE
    model[2].requires_grad_(True)
    backward(model, images, labels)
    assert relative_error(model[2].weight.grad, expected[1][0]) < TOLERANCE


@pytest.mark.parametrize("mode", MODES)
def test_a_layer_used_twice_is_modulated_at_each_use(mode):
    torch.manual_seed(0)
    shared, last = nn.Linear(6, 6), nn.Linear(6, 3)
    model = uneven_(nn.ModuleDict({"shared": shared, "last": last}))
    x = torch.rand(4, 6)

    def run(scale):
        model.zero_grad()
        hidden = scale(shared(x))
        last(torch.tanh(scale(shared(torch.tanh(hidden))))).square().sum().backward()
        return shared.weight.grad.clone()

    factors = torch.from_numpy(oracle_factors(shared.weight.detach(), mode)).float()
    if mode == "local":
        expected = run(lambda error: error) * factors.view(-1, 1)
    else:
        expected = run(lambda error: ScaleError.apply(error, factors))
    Grapes(model, mode)
    assert relative_error(run(lambda error: error), expected) < TOLERANCE


@pytest.mark.parametrize("mode", MODES)
def test_evaluation_without_gradients_reads_no_factors(mode, monkeypatch):
    model, (images, _) = mlp(), batch()
    Grapes(model, mode)
    monkeypatch.setattr(
        Grapes, "layer_factors", lambda *_: pytest.fail("read the weights for nothing")
    )
    with torch.no_grad():
        model(images)


def test_a_deeper_layer_receives_the_product_of_the_factors_downstream():
    """Only propagating compounds: with every factor 2, layer l sees 2 to the number of modulated layers above it."""
    plain, modulated = mlp(), mlp()
    images, labels = batch()
    for model in (plain, modulated):
        with torch.no_grad():
            model[0].weight.copy_(model[0].weight.sign() * 0.5)
            model[2].weight.copy_(model[2].weight.sign() * 0.5)
    Grapes(modulated, "propagating")
    backward(plain, images, labels)
    backward(modulated, images, labels)
    assert torch.equal(modulated[0].weight.grad, 4 * plain[0].weight.grad)
    assert torch.equal(modulated[2].weight.grad, 2 * plain[2].weight.grad)
    assert torch.equal(modulated[4].weight.grad, plain[4].weight.grad)


@pytest.mark.parametrize("mode", MODES)
def test_double_precision_models_follow_the_equations_to_the_last_digits(mode):
    model, images, labels = mlp().double(), *batch()
    expected, _ = oracle_mlp_gradients(model, images, labels, mode)
    grapes = Grapes(model, mode)
    backward(model, images.double(), labels)
    assert relative_error(model[0].weight.grad, expected[0][0]) < 1e-13
    assert grapes.factors()["0"].dtype == torch.float64


@pytest.mark.parametrize("mode", MODES)
def test_a_layer_of_zeros_is_trained_as_without(mode):
    plain, modulated = mlp(), mlp()
    images, labels = batch()
    for model in (plain, modulated):
        nn.init.zeros_(model[2].weight)
    grapes = Grapes(modulated, mode, layers=["2"])
    assert grapes.factors()["2"].tolist() == [1.0] * 8
    backward(plain, images, labels)
    backward(modulated, images, labels)
    assert all(map(torch.equal, gradients(modulated), gradients(plain)))


@pytest.mark.parametrize("mode", ["Propagating", "none", "", None])
def test_an_unknown_mode_is_refused_with_those_that_exist(mode):
    with pytest.raises(InputError, match="propagating, local, lr_matched"):
        Grapes(mlp(), mode)


def test_a_second_grapes_on_the_same_layers_is_refused_until_the_first_is_detached():
    model = mlp()
    first = Grapes(model)
    with pytest.raises(InputError, match=r"layer '0'.*detach"):
        Grapes(model, "local")
    first.detach()
    Grapes(model, "local").detach()
    part = Grapes(model, layers=["0"])
    Grapes(model, "local", layers=["2"])
    part.detach()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("mode", MODES)
def test_on_cuda_factors_are_computed_on_the_device_and_equal_those_of_the_cpu(mode):
    model, images, labels = mlp(), *batch()
    expected, _ = oracle_mlp_gradients(model, images, labels, mode)
    on_host = Grapes(model, mode).factors()
    model = mlp().cuda()
    grapes = Grapes(model, mode)
    backward(model, images.cuda(), labels.cuda())
    for name, factor in grapes.factors().items():
        assert factor.is_cuda
        np.testing.assert_allclose(factor.cpu(), on_host[name], rtol=1e-6)
    assert relative_error(model[0].weight.grad.cpu(), expected[0][0]) < TOLERANCE
