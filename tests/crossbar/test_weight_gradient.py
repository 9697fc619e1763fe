"""Whatever torch does to gradients, a tile's update follows as a digital layer's does."""

import copy

import pytest
import torch
from aihwkit.nn import AnalogConv2d, AnalogLinear
from aihwkit.optim import AnalogSGD
from aihwkit.simulator.parameters.mapping import MappingParameter
from torch import nn

from crossbar import PCMConfig
from kernels.errors import InputError

NO_REFRESH = {"every_updates": None}
ACCUMULATED = {"kind": "accumulated", "max_pulses": 4096, "refresh": NO_REFRESH}
SUMMED = {"kind": "pulsed", "train_length": 4096, "refresh": NO_REFRESH}
PER_SAMPLE = {"kind": "pulsed", "trains": "per_sample", "train_length": 64, "refresh": NO_REFRESH}
IDEAL = {
    "device": {"model": "linear", "g_max_uS": 25.0, "step_uS": 25.0 / 2**14},
    "io": "perfect",
    "seed": 0,
    "array": {"weight_range": 2.0},
}
X = torch.randn(8, 6, generator=torch.Generator().manual_seed(1))
PROBE = 3 * torch.randn(8, 6, generator=torch.Generator().manual_seed(2))


def networks(update=ACCUMULATED, **config):
    torch.manual_seed(0)
    digital = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4, bias=False))
    tiles = [
        AnalogLinear.from_digital(layer, PCMConfig(update=update, **{**IDEAL, **config}))
        if isinstance(layer, nn.Linear)
        else layer
        for layer in copy.deepcopy(digital)
    ]
    return digital, nn.Sequential(*tiles)


def loss_of(model, x=X):
    return model(x).square().sum()


def weights(layer):
    return layer.get_weights()[0] if isinstance(layer, AnalogLinear) else layer.weight.detach()


def plain(model, optimizer):
    loss_of(model).backward()
    optimizer.step()


def attack(model, optimizer):
    probe = PROBE.clone().requires_grad_()
    torch.autograd.grad(-10 * loss_of(model, probe), probe)
    plain(model, optimizer)


def attack_by_backward(model, optimizer):
    probe = PROBE.clone().requires_grad_()
    (-10 * loss_of(model, probe)).backward(inputs=[probe])
    plain(model, optimizer)


def skipped_batch(model, optimizer):
    loss_of(model, PROBE).backward()
    optimizer.zero_grad()
    plain(model, optimizer)


def skipped_batch_zeroed(model, optimizer):
    loss_of(model, PROBE).backward()
    optimizer.zero_grad(set_to_none=False)
    plain(model, optimizer)


def skipped_by_the_model(model, optimizer):
    loss_of(model, PROBE).backward()
    model.zero_grad()
    plain(model, optimizer)


def skipped_by_the_model_zeroed(model, optimizer):
    loss_of(model, PROBE).backward()
    model.zero_grad(set_to_none=False)
    plain(model, optimizer)


def never_stepped(model, optimizer):
    loss_of(model, PROBE).backward()
    optimizer.zero_grad()
    optimizer.step()


def clipped_norm(model, optimizer):
    loss_of(model).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 0.5)
    optimizer.step()


def clipped_value(model, optimizer):
    loss_of(model).backward()
    nn.utils.clip_grad_value_(model.parameters(), 0.3)
    optimizer.step()


def halved(model, optimizer):
    loss_of(model).backward()
    for parameter in model.parameters():
        parameter.grad.mul_(0.5)
    optimizer.step()


def replaced(model, optimizer):
    loss_of(model).backward()
    for parameter in model.parameters():
        parameter.grad = parameter.grad.sign()
    optimizer.step()


def scaled(model, optimizer):
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    scaler.scale(loss_of(model)).backward()
    scaler.step(optimizer)
    scaler.update()


def summed_up(model, optimizer):
    for part in X.split(3):
        loss_of(model, part).backward()
    optimizer.step()


def summed_up_and_read(model, optimizer):
    for part in X.split(3):
        loss_of(model, part).backward()
        assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
    optimizer.step()


def frozen(model, optimizer):
    for parameter in model[0].parameters():
        parameter.requires_grad_(False)
    plain(model, optimizer)


def closure(model, optimizer):
    def evaluate():
        optimizer.zero_grad()
        loss = loss_of(model)
        loss.backward()
        return loss

    loss_of(model, PROBE).backward()
    assert optimizer.step(evaluate) > 0.0


EVERY = [
    plain,
    attack,
    attack_by_backward,
    skipped_batch,
    skipped_batch_zeroed,
    skipped_by_the_model,
    skipped_by_the_model_zeroed,
    never_stepped,
    clipped_norm,
    clipped_value,
    halved,
    replaced,
    scaled,
    summed_up,
    summed_up_and_read,
    frozen,
    closure,
]


@pytest.mark.parametrize("update", [ACCUMULATED, SUMMED], ids=["accumulated", "summed"])
@pytest.mark.parametrize("recipe", EVERY, ids=lambda recipe: recipe.__name__)
def test_the_update_is_that_of_a_digital_network(recipe, update):
    digital, analog = networks(update)
    before = [weights(layer).clone() for layer in (digital[0], digital[2])]
    recipe(digital, torch.optim.SGD(digital.parameters(), lr=0.1))
    recipe(analog, AnalogSGD(analog.parameters(), lr=0.1))
    for index, start in zip((0, 2), before, strict=True):
        moved = (weights(digital[index]) - start).abs().max()
        still = recipe is never_stepped or (recipe is frozen and index == 0)
        assert (moved == 0.0) if still else (moved > 0.01)
        apart = (weights(analog[index]) - weights(digital[index])).abs().max()
        assert apart < (1e-6 if still else 1e-3)
    torch.testing.assert_close(analog[0].analog_module.bias, digital[0].bias, atol=1e-4, rtol=1e-3)


def test_a_batch_that_overflows_is_skipped_and_the_next_one_counts():
    digital, analog = networks()
    for model, optimizer in ((digital, torch.optim.SGD), (analog, AnalogSGD)):
        made = optimizer(model.parameters(), lr=0.1)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
        for factor in (float("nan"), 1.0):
            made.zero_grad()
            scaler.scale(loss_of(model) * factor).backward()
            scaler.step(made)
            scaler.update()
    assert analog[0].analog_module.counters["updates"] == 1
    for index in (0, 2):
        torch.testing.assert_close(
            weights(analog[index]), weights(digital[index]), atol=1e-3, rtol=0
        )


@pytest.mark.parametrize("columnwise", [False, True])
def test_the_gradient_is_that_of_the_logical_weights(columnwise):
    mapping = MappingParameter(weight_scaling_omega=0.6, weight_scaling_columnwise=columnwise)
    digital, analog = networks(mapping=mapping)
    loss_of(digital).backward()
    loss_of(analog).backward()
    for index in (0, 2):
        found = analog[index].analog_module.analog_ctx.grad
        torch.testing.assert_close(found, digital[index].weight.grad, atol=1e-4, rtol=1e-4)
    # Reading it changes nothing, halving it halves the update.
    changes = []
    for change in (lambda grad: None, lambda grad: grad, lambda grad: grad.mul_(0.5)):
        _, model = networks(mapping=mapping)
        before = weights(model[0]).clone()
        loss_of(model).backward()
        change(model[0].analog_module.analog_ctx.grad)
        AnalogSGD(model.parameters(), lr=0.05).step()
        changes.append(weights(model[0]) - before)
    torch.testing.assert_close(changes[1], changes[0])
    torch.testing.assert_close(changes[2], 0.5 * changes[0], atol=1e-3, rtol=0)


def test_convolutions_too():
    torch.manual_seed(0)
    digital = nn.Conv2d(2, 3, 3, bias=False)
    analog = AnalogConv2d.from_digital(digital, PCMConfig(update=ACCUMULATED, **IDEAL))
    images = torch.randn(4, 2, 6, 6)
    for model, optimizer in ((digital, torch.optim.SGD), (analog, AnalogSGD)):
        made = optimizer(model.parameters(), lr=0.1)
        model(images).square().sum().backward()
        assert nn.utils.clip_grad_norm_(model.parameters(), 1.0) > 1.0
        made.step()
    torch.testing.assert_close(
        analog.get_weights()[0].flatten(), digital.weight.detach().flatten(), atol=1e-3, rtol=0
    )


def test_trains_of_single_samples_follow_one_factor_and_refuse_the_rest():
    changes = []
    for factor in (None, 1.0, 0.5, 0.0):
        tile = AnalogLinear(6, 4, bias=False, rpu_config=PCMConfig(update=PER_SAMPLE, **IDEAL))
        tile.set_weights(torch.zeros(4, 6))
        (tile(X) * 0.2).sum().backward()
        if factor is not None:
            tile.analog_module.analog_ctx.grad.mul_(factor)
        AnalogSGD(tile.parameters(), lr=0.02).step()
        changes.append(weights(tile))
    assert torch.equal(changes[0], changes[1])
    assert changes[0].abs().max() > 0.01
    halved = float(changes[2].norm() / changes[0].norm())
    assert halved == pytest.approx(0.5, rel=0.15)
    assert not changes[3].any()
    (tile(X) * 0.2).sum().backward()
    tile.analog_module.analog_ctx.grad.clamp_(-0.1, 0.1)
    with pytest.raises(InputError, match="per_sample makes pulses of inputs and errors"):
        AnalogSGD(tile.parameters(), lr=0.02).step()


def test_what_cannot_be_given_is_refused():
    _, model = networks()
    context = model[0].analog_module.analog_ctx
    with pytest.raises(InputError, match=r"shape of the weights, \(5, 6\)"):
        context.grad = torch.zeros(6, 5)
    with pytest.raises(RuntimeError, match="cannot read weight values"):
        torch.autograd.grad(loss_of(model), context)
    probe = X.clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss_of(model, probe), probe, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.square().sum().backward()


def test_a_step_that_fails_leaves_nothing_for_the_next():
    config = PCMConfig(update=ACCUMULATED, **IDEAL)
    layer = AnalogLinear.from_digital(nn.Linear(6, 4, bias=False), config)
    optimizer = AnalogSGD(layer.parameters(), lr=0.1)
    (loss_of(layer) * float("nan")).backward()
    with pytest.raises(FloatingPointError):
        optimizer.step()
    optimizer.zero_grad()
    loss_of(layer).backward()
    expected = (2 * layer(X).T @ X).detach()
    torch.testing.assert_close(layer.analog_module.analog_ctx.grad, expected)
