"""Every optimizer against its equations in float64 and against torch, on digital weights and on tiles."""

import io
import warnings

import numpy as np
import pytest
import torch
from aihwkit.nn import AnalogLinear
from aihwkit.simulator import presets as aihwkit_presets
from aihwkit.simulator.configs import TorchInferenceRPUConfig
from torch import nn

from crossbar import PCMConfig, PCMTile
from imc_grapes import to_crossbar
from imc_grapes.rules import optimizer as optimizer_for
from kernels.errors import InputError

LR = 0.05
STEPS = 5
START = np.array([[1.0, -2.0, 0.5]])
CURVATURE = np.array([[1.0, 0.3, 4.0]])


def gradient(weights):
    return CURVATURE * weights


def sgd():
    w = START
    for _ in range(STEPS):
        w = w - LR * gradient(w)
    return w


def momentum():
    w, v = START, 0.0
    for _ in range(STEPS):
        v = 0.9 * v - LR * gradient(w)
        w = w + v
    return w


def nag():
    """The gradient is taken at the look-ahead point, which is also what the network computes with."""
    w, v = START, 0.0
    for _ in range(STEPS):
        v = 0.9 * v - LR * gradient(w + 0.9 * v)
        w = w + v
    return w + 0.9 * v


def rmsprop():
    w, square = START, 0.0
    for _ in range(STEPS):
        g = gradient(w)
        square = 0.9 * square + 0.1 * g**2
        w = w - LR * g / (np.sqrt(square) + 1e-8)
    return w


def adam():
    w, mean, square = START, 0.0, 0.0
    for step in range(1, STEPS + 1):
        g = gradient(w)
        mean = 0.9 * mean + 0.1 * g
        square = 0.999 * square + 0.001 * g**2
        w = w - LR * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return w


@pytest.mark.parametrize("oracle", [sgd, momentum, nag, rmsprop, adam])
def test_weights_after_some_steps_follow_the_equations(oracle):
    layer = nn.Linear(3, 1, bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(START))
    optimizer = optimizer_for(layer, oracle.__name__, lr=LR)
    for _ in range(STEPS):
        optimizer.zero_grad()
        (torch.from_numpy(CURVATURE) * layer.weight**2 / 2).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(layer.weight.detach().numpy(), oracle(), rtol=1e-12)


@pytest.mark.parametrize(("size", "ratio"), [(1.0, 1.0), (1e-5, 1 / np.sqrt(1001.0))])
def test_rmsprop_is_the_authors_rule_for_large_gradients_alone(size, ratio):
    """Their epsilon stands inside the root: a first step of ``g / sqrt(0.1 g^2 + 1e-8)``."""
    weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    layer = nn.ParameterList([weight])
    weight.grad = torch.tensor([size], dtype=torch.float64)
    optimizer_for(layer, "rmsprop", lr=1.0).step()
    authors = size / np.sqrt(0.1 * size**2 + 1e-8)
    np.testing.assert_allclose(authors / -weight.item(), ratio, rtol=1e-2)


TILE = {
    "device": {"model": "linear", "g_max_uS": 25.0, "step_uS": 25.0 / 2**14},
    "io": "perfect",
    "seed": 0,
    "array": {"weight_range": 4.0},
}
NO_REFRESH = {"every_updates": None}


def on_tiles(update, n=2):
    torch.manual_seed(0)
    config = [
        PCMConfig(update=one, **TILE)
        for one in (update if isinstance(update, list) else [update] * n)
    ]
    return nn.Sequential(*(AnalogLinear(4, 4, bias=True, rpu_config=one) for one in config))


@pytest.mark.parametrize(
    ("constants", "oracle"),
    [
        ({"name": "momentum", "momentum": 0.5}, lambda p: torch.optim.SGD(p, LR, momentum=0.5)),
        (
            {"name": "nag", "momentum": 0.5},
            lambda p: torch.optim.SGD(p, LR, momentum=0.5, nesterov=True),
        ),
        (
            {"name": "rmsprop", "alpha": 0.5, "eps": 0.1},
            lambda p: torch.optim.RMSprop(p, LR, alpha=0.5, eps=0.1),
        ),
        (
            {"name": "adam", "betas": (0.5, 0.8), "eps": 0.1, "state_bits": 16},
            lambda p: torch.optim.Adam(p, LR, betas=(0.5, 0.8), eps=0.1),
        ),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else "",
)
def test_biases_beside_tiles_follow_the_constants_of_the_tiles(constants, oracle):
    update = {"kind": "accumulated", "max_pulses": 4096, "refresh": NO_REFRESH}
    model = on_tiles({**update, "optimizer": constants})
    digital = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    for theirs, ours in zip(digital, model, strict=True):
        weight, bias = ours.get_weights()
        with torch.no_grad():
            theirs.weight.copy_(weight)
            theirs.bias.copy_(bias)
    inputs = torch.randn(8, 4)
    optimizers = (
        optimizer_for(model, constants["name"], lr=LR),
        oracle(digital.parameters()),
    )
    for _ in range(STEPS):
        for network, optimizer in zip((model, digital), optimizers, strict=True):
            optimizer.zero_grad()
            network(inputs).square().mean().backward()
            optimizer.step()
    tolerance = 0.01 if "state_bits" in constants else 1e-3
    for theirs, ours in zip(digital, model, strict=True):
        weight, bias = ours.get_weights()
        torch.testing.assert_close(bias, theirs.bias.detach(), atol=tolerance, rtol=0)
        torch.testing.assert_close(weight, theirs.weight.detach(), atol=tolerance, rtol=0)


@pytest.mark.parametrize(
    ("update", "name", "words"),
    [
        (
            {"kind": "accumulated", "optimizer": "adam"},
            "momentum",
            "must be that of the tiles, adam",
        ),
        ("pulsed", "momentum", "honours only column_norm, .*PCMConfig.update='accumulated'"),
        (
            [
                {"kind": "accumulated", "optimizer": {"name": "momentum", "momentum": mu}}
                for mu in (0.5, 0.9)
            ],
            "momentum",
            "differs between the tiles",
        ),
    ],
)
def test_a_rule_that_not_all_parameters_could_follow_is_refused(update, name, words):
    with pytest.raises(InputError, match=words):
        optimizer_for(on_tiles(update), name, lr=0.1)


IN_TORCH = {
    "sgd": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"momentum": 0.7}),
    "nag": (torch.optim.SGD, {"momentum": 0.7, "nesterov": True}),
    "rmsprop": (torch.optim.RMSprop, {"alpha": 0.6, "eps": 0.01}),
    "adam": (torch.optim.Adam, {"betas": (0.6, 0.9), "eps": 0.01}),
}
ON_CHI = {"kind": "accumulated", "max_pulses": 4096, "refresh": NO_REFRESH}


def constants_of(name):
    return {key: value for key, value in IN_TORCH[name][1].items() if key != "nesterov"}


def digital_net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))


def ideal_tiles(update=ON_CHI):
    return to_crossbar(digital_net(), PCMConfig(update=update, **TILE))


def train(model, update, steps=30, after=lambda: None, seed=1):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        x, y = (torch.randn(8, n, generator=generator) for n in (6, 3))
        update.zero_grad()
        (model(x) - y).square().mean().backward()
        update.step()
        after()


def held(model):
    """Weights and biases of both layers, on tiles or not."""
    return [
        tensor.detach().clone()
        for layer in (model[0], model[2])
        for tensor in (
            layer.get_weights() if hasattr(layer, "analog_module") else (layer.weight, layer.bias)
        )
    ]


def furthest(one, other):
    return max(float((a - b).abs().max()) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("where", ["digital", "accumulated"])
@pytest.mark.parametrize("name", IN_TORCH)
def test_a_rule_is_that_of_torch_on_digital_weights_and_on_the_accumulator(name, where):
    torch_class, arguments = IN_TORCH[name]
    theirs = digital_net()
    train(theirs, torch_class(theirs.parameters(), lr=0.02, **arguments))
    ours = digital_net() if where == "digital" else ideal_tiles()
    train(ours, optimizer_for(ours, name, lr=0.02, **constants_of(name)))
    assert furthest(held(theirs), held(digital_net())) > 0.05
    assert furthest(held(ours), held(theirs)) < (1e-7 if where == "digital" else 2e-3)


@pytest.mark.parametrize("where", ["digital", "accumulated"])
def test_schedulers_of_torch_move_tiles_and_biases(where):
    def schedule(update):
        return torch.optim.lr_scheduler.OneCycleLR(
            update, max_lr=0.05, total_steps=30, cycle_momentum=False
        )

    theirs = digital_net()
    plain = torch.optim.SGD(theirs.parameters(), lr=0.02)
    train(theirs, plain, after=schedule(plain).step)
    ours = digital_net() if where == "digital" else ideal_tiles()
    update = optimizer_for(ours, "sgd", lr=0.02)
    train(ours, update, after=schedule(update).step)
    assert {group["lr"] for group in update.param_groups} == {plain.param_groups[0]["lr"]}
    assert furthest(held(ours), held(theirs)) < 2e-3
    constant = digital_net()
    train(constant, torch.optim.SGD(constant.parameters(), lr=0.02))
    assert furthest(held(constant), held(theirs)) > 0.01


def test_training_goes_on_from_the_states_of_model_and_optimizer():
    whole = ideal_tiles()
    train(whole, optimizer_for(whole, "adam", lr=0.02), steps=10)
    first = ideal_tiles()
    update = optimizer_for(first, "adam", lr=0.02)
    train(first, update, steps=4)
    saved = io.BytesIO()
    torch.save({"model": first.state_dict(), "update": update.state_dict()}, saved)
    saved.seek(0)
    state = torch.load(saved, weights_only=False)
    second = ideal_tiles()
    update = optimizer_for(second, "adam", lr=0.5)
    second.load_state_dict(state["model"])
    update.load_state_dict(state["update"])
    assert {group["lr"] for group in update.param_groups} == {0.02}
    generator = torch.Generator().manual_seed(1)
    for _ in range(4):
        torch.randn(8, 6, generator=generator), torch.randn(8, 3, generator=generator)
    for _ in range(6):
        x, y = (torch.randn(8, n, generator=generator) for n in (6, 3))
        update.zero_grad()
        (second(x) - y).square().mean().backward()
        update.step()
    assert furthest(held(second), held(whole)) == 0.0


@pytest.mark.parametrize(
    "tile", ["pulsed", "accumulated", "PCMPreset", "StandardHWATrainingPreset", "torch"]
)
def test_a_frozen_tile_and_a_frozen_bias_stay_as_they_are(tile):
    config = {
        "pulsed": lambda: PCMConfig(**TILE),
        "accumulated": lambda: PCMConfig(update=ON_CHI, **TILE),
        "torch": TorchInferenceRPUConfig,
    }.get(tile) or getattr(aihwkit_presets, tile)
    model = to_crossbar(digital_net(), config())
    update = optimizer_for(model, "sgd", lr=0.1)
    for context in (one.analog_ctx for one in model[0].analog_tiles()):
        context.requires_grad_(False)
    for name, parameter in model[2].named_parameters():
        if name.endswith("bias"):
            parameter.requires_grad_(False)
    before = held(model)
    train(model, update, steps=5)
    after = held(model)
    assert torch.equal(before[0], after[0])
    assert not torch.equal(before[1], after[1])
    assert not torch.equal(before[2], after[2])
    assert torch.equal(before[3], after[3])
    if isinstance(model[0].analog_module, PCMTile):
        assert model[0].analog_module.counters["updates"] == 0


def test_zero_grad_forgets_what_waits_in_tiles_of_aihwkit():
    model = to_crossbar(digital_net(), aihwkit_presets.IdealizedPreset())
    update = optimizer_for(model, "sgd", lr=0.1)
    before = held(model)
    model(torch.randn(8, 6)).sum().backward()
    update.zero_grad()
    update.step()
    assert furthest(held(model), before) == 0.0


def test_tiles_of_aihwkit_that_update_themselves_honour_only_the_gradient():
    model = to_crossbar(digital_net(), aihwkit_presets.PCMPreset())
    with pytest.raises(InputError, match=r"'0.*' lies on aihwkit's AnalogTile, .*honours only sgd"):
        optimizer_for(model, "adam", lr=0.1)


@pytest.mark.parametrize("name", IN_TORCH)
def test_hardware_aware_tiles_are_trained_as_digital_weights(name):
    config = TorchInferenceRPUConfig()
    config.forward.is_perfect = config.backward.is_perfect = True
    torch_class, arguments = IN_TORCH[name]
    theirs, ours = digital_net(), to_crossbar(digital_net(), config)
    train(theirs, torch_class(theirs.parameters(), lr=0.02, **arguments))
    train(ours, optimizer_for(ours, name, lr=0.02, **constants_of(name)))
    assert furthest(held(ours), held(theirs)) < 1e-5


def test_a_rule_may_be_changed_until_the_first_update():
    model = ideal_tiles()
    optimizer_for(model, "adam", lr=0.02)
    update = optimizer_for(model, "momentum", lr=0.02, momentum=0.7)
    assert set(model[0].analog_module.update_state_arrays()) == {"chi", "momentum"}
    train(model, update, steps=1)
    optimizer_for(model, "momentum", lr=0.1, momentum=0.7)
    with pytest.raises(InputError, match=r"has had 1 updates by momentum .momentum 0.7., whose"):
        optimizer_for(model, "momentum", lr=0.1, momentum=0.9)
    with pytest.raises(InputError, match="of adam; put the weights on new tiles"):
        optimizer_for(model, "adam", lr=0.1)


def test_constants_of_the_call_and_of_the_tiles_must_agree():
    update = {**ON_CHI, "optimizer": {"name": "adam", "betas": (0.5, 0.8), "state_bits": 16}}
    with pytest.raises(InputError, match=r"betas: must be that of the tiles, .0.5, 0.8. .got"):
        optimizer_for(ideal_tiles(update), "adam", lr=0.1, betas=(0.9, 0.999))
    model = ideal_tiles(update)
    built = optimizer_for(model, "adam", lr=0.1, betas=[0.5, 0.8], eps=0.1)
    assert built.param_groups[-1]["betas"] == (0.5, 0.8)
    rule = model[0].analog_module.rpu_config.update.optimizer
    assert (rule.rule.betas, rule.rule.eps, rule.state_bits) == ((0.5, 0.8), 0.1, 16)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("adan", 0.1), "'adan' is not one of .* did you mean adam"),
        (("adam", -0.1), "lr: must be a number, 0 or more .got -0.1"),
        (("adam", float("nan")), "lr: must be a number"),
        (("adam", "0.1"), "lr: must be a number"),
    ],
)
def test_impossible_arguments_are_refused(arguments, words):
    with pytest.raises(InputError, match=words):
        optimizer_for(digital_net(), *arguments)
    with pytest.raises(InputError, match="adam does not use momentum; allowed: betas, eps"):
        optimizer_for(digital_net(), "adam", 0.1, momentum=0.5)
    with pytest.raises(InputError, match="ReLU has no parameters"):
        optimizer_for(nn.ReLU(), "adam", 0.1)


def test_groups_are_complete_from_the_start():
    update = optimizer_for(ideal_tiles(), "adam", lr=0.1)
    assert isinstance(update, torch.optim.Optimizer)
    with pytest.raises(InputError, match=r"call imc_grapes.optimizer again"):
        update.add_param_group({"params": [nn.Parameter(torch.zeros(2))]})


def test_a_closure_is_called_once():
    model = ideal_tiles()
    update = optimizer_for(model, "momentum", lr=0.02)
    calls = []

    def closure():
        calls.append(1)
        update.zero_grad()
        loss = model(torch.ones(2, 6)).square().mean()
        loss.backward()
        return loss

    before = held(model)
    found = update.step(closure)
    assert len(calls) == 1
    assert found.item() > 0.0
    assert all(not torch.equal(a, b) for a, b in zip(before, held(model), strict=True))


def test_layers_without_a_pulse_in_twenty_updates_are_named_once():
    config = PCMConfig(io="perfect", seed=0, update={"kind": "accumulated"})
    model = to_crossbar(digital_net(), config)
    update = optimizer_for(model, "sgd", lr=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(model, update, steps=19)
    with pytest.warns(UserWarning, match=r"layers '0', '2': no SET pulse .* 1e-06 is too small"):
        train(model, update, steps=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(model, update, steps=25)


def test_layers_that_get_pulses_are_not_named():
    model = ideal_tiles()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(model, optimizer_for(model, "sgd", lr=0.1), steps=25)
