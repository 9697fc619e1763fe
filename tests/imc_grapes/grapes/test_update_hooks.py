"""GRAPES on crossbars of aihwkit with ideal periphery, against the same network in digital layers."""

import copy

import pytest
import torch
from aihwkit.nn import AnalogConv2d, AnalogSequential
from aihwkit.nn.conversion import convert_to_analog
from aihwkit.optim import AnalogSGD
from aihwkit.simulator.configs import FloatingPointRPUConfig
from aihwkit.simulator.parameters.enums import WeightModifierType
from aihwkit.simulator.presets import (
    FloatingPointPreset,
    IdealizedPreset,
    PCMPreset,
    StandardHWATrainingPreset,
)
from tile_gradients import weight_gradient
from torch import nn

from crossbar import PCMConfig
from crossbar.placement import placed_tiles
from imc_grapes import Grapes

MODES = ["propagating", "local", "lr_matched"]


def network(seed=0):
    generator = torch.Generator().manual_seed(seed)
    convolution = [nn.Conv2d(1, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten()]
    model = nn.Sequential(*convolution, nn.Linear(24, 7), nn.ReLU(), nn.Linear(7, 3))
    for index in (0, 4, 6):
        with torch.no_grad():
            model[index].weight.normal_(0, 0.2, generator=generator)
            spread = torch.rand(len(model[index].weight), generator=generator) + 0.1
            model[index].weight.mul_(spread.view(-1, *[1] * (model[index].weight.dim() - 1)))
            if model[index].bias is not None:
                model[index].bias.normal_(0, 0.1, generator=generator)
    return model


def ideal(preset, *, split):
    """The preset without quantisation, noise or scaling, on crossbars of 5 rows and 4 columns."""
    config = preset()
    if split:
        config.mapping.max_input_size, config.mapping.max_output_size = 5, 4
    for direction in ("forward", "backward"):
        if hasattr(config, direction):
            getattr(config, direction).is_perfect = True
    if preset is StandardHWATrainingPreset:
        config.modifier.type = WeightModifierType.NONE
        config.pre_post.input_range.enable = False
        config.mapping.weight_scaling_omega = 0.0
        config.mapping.weight_scaling_columnwise = False
        config.mapping.learn_out_scaling = False
    return config


def analog_layers(model):
    return [module for module in model.modules() if hasattr(module, "analog_module")]


def on_tiles(preset, *, split):
    """A converted network, and the digital one with the very weights that the tiles hold."""
    analog, digital = convert_to_analog(network(), ideal(preset, split=split)), network()
    for layer, index in zip(analog_layers(analog), (0, 4, 6), strict=True):
        weights, bias = layer.get_weights()
        digital[index].weight.data.copy_(weights.reshape(digital[index].weight.shape))
        if bias is not None:
            digital[index].bias.data.copy_(bias)
    return analog.train(), digital


def batch():
    images = torch.rand((5, 1, 4, 4), generator=torch.Generator().manual_seed(1))
    return images.requires_grad_()


def is_indexed(layer):
    """Whether the tile gathers the inputs of a convolution itself, so that no matrix of them can be compared."""
    return any(placed.tile.analog_ctx.use_indexed for placed in placed_tiles(layer))


def assert_close(found, expected):
    assert (found - expected).abs().max() < 1e-5 * expected.abs().max()


PRESETS = [FloatingPointPreset, IdealizedPreset, PCMPreset, StandardHWATrainingPreset]


@pytest.mark.parametrize("split", [True, False], ids=["split", "whole"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.__name__)
def test_gradients_on_tiles_with_ideal_periphery_equal_the_digital_ones(preset, mode, split):
    analog, digital = on_tiles(preset, split=split)
    on_analog, on_digital = Grapes(analog, mode), Grapes(digital, mode)
    for name, factor in on_digital.factors().items():
        assert_close(on_analog.factors()[name], factor)
    images, copied = batch(), batch()
    analog(images).square().sum().backward()
    digital(copied).square().sum().backward()
    assert_close(images.grad, copied.grad)
    for parameter in ("weight", "bias"):
        assert_close(getattr(analog[1], parameter).grad, getattr(digital[1], parameter).grad)
    for layer, index in zip(analog_layers(analog), (0, 4, 6), strict=True):
        if not is_indexed(layer):
            assert_close(weight_gradient(layer), digital[index].weight.grad.flatten(1))
        if layer.analog_module.bias is not None:
            assert_close(layer.analog_module.bias.grad, digital[index].bias.grad)


@pytest.mark.parametrize("split", [True, False], ids=["split", "whole"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "preset",
    [FloatingPointPreset, FloatingPointRPUConfig],
    ids=["updated by torch", "updated by the tile"],
)
def test_three_updates_end_at_the_weights_of_digital_sgd(preset, mode, split):
    analog, digital = on_tiles(preset, split=split)
    Grapes(analog, mode)
    Grapes(digital, mode)
    optimizers = [
        AnalogSGD(analog.parameters(), lr=0.02),
        torch.optim.SGD(digital.parameters(), lr=0.02),
    ]
    optimizers[0].regroup_param_groups(analog)
    before = digital[0].weight.detach().clone()
    for _ in range(3):
        for model, optimizer in zip((analog, digital), optimizers, strict=True):
            optimizer.zero_grad()
            model(batch()).square().sum().backward()
            optimizer.step()
    for layer, index in zip(analog_layers(analog), (0, 4, 6), strict=True):
        weights, bias = layer.get_weights()
        expected = digital[index].weight.detach().flatten(1)
        assert (weights.flatten(1) - expected).abs().max() < 1e-5
        if bias is not None:
            assert (bias - digital[index].bias.detach()).abs().max() < 1e-5
    assert (digital[0].weight.detach() - before).abs().max() > 1e-2
    assert optimizers[0].state_dict()["state"] == {}


@pytest.mark.parametrize("mode", MODES)
def test_a_tile_that_gathers_the_inputs_of_a_convolution_itself_is_updated_alike(mode):
    """aihwkit's default on a GPU, where errors are laid out with the nodes on another axis."""
    ends = []
    for use_indexed in (False, True):
        layer = AnalogConv2d(
            2, 6, 3, bias=False, rpu_config=FloatingPointRPUConfig(), use_indexed=use_indexed
        )
        weights = torch.randn((6, 18), generator=torch.Generator().manual_seed(0))
        layer.set_weights(weights * torch.linspace(0.1, 1, 6).view(-1, 1))
        model = AnalogSequential(layer, nn.Flatten(), nn.Linear(6 * 4, 3, bias=False))
        nn.init.constant_(model[2].weight, 0.1)
        Grapes(model, mode)
        optimizer = AnalogSGD(model.parameters(), lr=0.01)
        optimizer.regroup_param_groups(model)
        images = torch.rand((5, 2, 4, 4), generator=torch.Generator().manual_seed(1))
        images.requires_grad_()
        model(images).square().sum().backward()
        optimizer.step()
        assert is_indexed(layer) == use_indexed
        ends.append((layer.get_weights()[0].flatten(1), images.grad))
    for found, expected in zip(*ends, strict=True):
        assert_close(found, expected)


def test_locally_the_learned_output_scales_of_a_layer_belong_to_its_update():
    config = StandardHWATrainingPreset()
    config.modifier.type = WeightModifierType.NONE
    config.forward.is_perfect = True
    plain = convert_to_analog(network(), config).train()
    modulated = copy.deepcopy(plain)
    factors = Grapes(modulated, "local").factors()
    for model in (plain, modulated):
        model(batch()).square().sum().backward()
    named = dict(plain.named_parameters())
    seen = 0
    for name, parameter in modulated.named_parameters():
        if parameter.grad is None:
            continue
        expected, node = named[name].grad, name.split(".")[0]
        per_node = name.endswith(("shared_weights", "out_scaling_alpha", "bias"))
        if node in factors and per_node:
            seen += 1
            expected = factors[node].view(-1, *[1] * (expected.dim() - 1)) * expected
        torch.testing.assert_close(parameter.grad, expected, rtol=1e-5, atol=1e-7)
    assert seen == 5


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "preset", [IdealizedPreset, StandardHWATrainingPreset], ids=lambda preset: preset.__name__
)
def test_outputs_state_dict_and_after_detach_gradients_are_those_without(preset, mode):
    plain, _ = on_tiles(preset, split=True)
    modulated = copy.deepcopy(plain)
    grapes = Grapes(modulated, mode)
    assert list(modulated.state_dict()) == list(plain.state_dict())
    with torch.no_grad():
        assert torch.equal(plain.eval()(batch()), modulated.eval()(batch()))
    plain.train()
    modulated.train()
    grapes.detach()
    images, copied = batch(), batch()
    modulated(images).square().sum().backward()
    plain(copied).square().sum().backward()
    assert torch.equal(images.grad, copied.grad)
    for layer, other in zip(analog_layers(modulated), analog_layers(plain), strict=True):
        assert torch.equal(weight_gradient(layer), weight_gradient(other))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "preset", [FloatingPointPreset, StandardHWATrainingPreset], ids=lambda preset: preset.__name__
)
def test_a_copied_model_and_one_with_loaded_weights_stay_modulated(preset, mode):
    analog, _ = on_tiles(preset, split=True)
    Grapes(analog, mode)
    copied = copy.deepcopy(analog)
    loaded, _ = on_tiles(preset, split=True)
    Grapes(loaded, mode)
    loaded.load_state_dict(analog.state_dict())
    gradients = []
    for model in (analog, copied, loaded):
        images = batch()
        model(images).square().sum().backward()
        gradients.append([images.grad, *map(weight_gradient, analog_layers(model))])
    for others in gradients[1:]:
        for found, expected in zip(others, gradients[0], strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("mode", MODES)
def test_small_batches_are_accumulated_on_tiles_too(mode):
    analog, digital = on_tiles(IdealizedPreset, split=True)
    Grapes(analog.eval(), mode)
    Grapes(digital.eval(), mode)
    for part in (slice(0, 2), slice(2, 5)):
        for model in (analog, digital):
            model(batch()[part]).square().sum().backward()
    for layer, index in zip(analog_layers(analog), (0, 4, 6), strict=True):
        assert_close(weight_gradient(layer), digital[index].weight.grad.flatten(1))


@pytest.mark.parametrize("mode", MODES)
def test_digital_and_analog_layers_may_be_mixed(mode):
    digital = network()
    mixed = network()
    config = ideal(IdealizedPreset, split=True)
    mixed = convert_to_analog(mixed, config, exclude_modules=["0"])
    weights, bias = mixed[4].get_weights()
    digital[4].weight.data.copy_(weights)
    digital[4].bias.data.copy_(bias)
    weights, bias = mixed[6].get_weights()
    digital[6].weight.data.copy_(weights)
    digital[6].bias.data.copy_(bias)
    Grapes(mixed.train(), mode)
    Grapes(digital, mode)
    for model in (mixed, digital):
        model(batch()).square().sum().backward()
    assert isinstance(mixed[0], nn.Conv2d)
    assert_close(mixed[0].weight.grad, digital[0].weight.grad)
    assert_close(weight_gradient(mixed[4]), digital[4].weight.grad)


@pytest.mark.parametrize("mode", MODES)
def test_an_attack_leaves_nothing_on_pcm_tiles(mode):
    """As on digital layers, a pass that asks for the gradient of its input alone is no part of the update."""
    images = torch.rand(5, 1, 4, 4, generator=torch.Generator().manual_seed(4))
    digital = network().eval()
    analog = convert_to_analog(
        network().eval(), PCMConfig(io="perfect", array={"weight_range": 2.0})
    )
    found = []
    for model in (digital, analog):
        Grapes(model, mode)
        probe = images.clone().requires_grad_()
        (slope,) = torch.autograd.grad(-10 * model(probe).square().sum(), probe)
        attacked = images + 0.1 * slope.sign()
        model(attacked).square().sum().backward()
        found.append((attacked, *(parameter.grad for parameter in model.parameters())))
    ours = [grad.flatten() for grad in found[1] if grad is not None]
    for expected in found[0]:
        assert any(
            grad.numel() == expected.numel()
            and torch.allclose(grad, expected.flatten(), atol=1e-3, rtol=1e-3)
            for grad in ours
        )
