"""Training in software: gradients past converters, noise on the weights, clipping."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from crossbar import PCMConfig
from crossbar.array_layers.calibration import calibrate
from crossbar.array_layers.convert import array_layer
from crossbar.array_layers.training_noise import clip_weights, programming_errors
from device_models import inference_statistics


def on_arrays(digital, update="software", seed=0, **config):
    return array_layer("it", digital, PCMConfig(update=update, seed=seed, **config))


def software(**values):
    return {"kind": "software", **values}


def quantised(values, step, bound):
    rounded = np.rint(values / step) * step
    return np.clip(rounded, -bound, bound), np.abs(rounded) <= bound + 1e-6


def test_gradients_pass_converters_except_where_they_clip():
    """A hand-written forward and backward pass in float64, over two row blocks."""
    torch.manual_seed(0)
    digital = nn.Linear(7, 4)
    io = {
        "noise_management": "none",
        "bound_management": "none",
        "dac_bits": 4,
        "adc_bits": 4,
        "out_bound": 0.7,
        "out_noise": 0.0,
    }
    layer = on_arrays(digital, io=io, array={"rows": 4, "scale": "column"})
    x = torch.randn(50, 7, requires_grad=True)
    error = torch.randn(50, 4)
    y = layer(x)
    (y * error).sum().backward()
    inputs, weights = x.detach().double().numpy(), digital.weight.detach().double().numpy()
    carried, inside_dac = quantised(inputs, 2.0 / 14, 1.0)
    wanted = np.zeros((50, 4)) + digital.bias.detach().numpy()
    to_inputs, to_weights = np.zeros_like(inputs), np.zeros_like(weights)
    for rows in (slice(0, 4), slice(4, 7)):
        scale = np.abs(weights[:, rows]).max(1)
        read, inside_adc = quantised(carried[:, rows] @ (weights[:, rows].T / scale), 0.1, 0.7)
        assert 0.05 < inside_adc.mean() < 0.95
        wanted += read * scale
        back = error.numpy() * inside_adc
        to_weights[:, rows] = back.T @ carried[:, rows]
        to_inputs[:, rows] = back @ weights[:, rows] * inside_dac[:, rows]
    np.testing.assert_allclose(y.detach(), wanted, atol=2e-6)
    np.testing.assert_allclose(x.grad, to_inputs, atol=1e-5)
    np.testing.assert_allclose(layer.weight.grad, to_weights, atol=1e-5)
    np.testing.assert_allclose(layer.bias.grad, error.sum(0), rtol=1e-5)


def test_gradients_pass_the_scale_of_a_vector_as_a_constant():
    torch.manual_seed(1)
    digital = nn.Conv2d(3, 4, 3, padding=1)
    layer = on_arrays(digital, io={"out_noise": 0.0}, array={"rows": 10})
    x = torch.randn(2, 3, 5, 5)
    error = torch.randn(2, 4, 5, 5)
    gradients = []
    for net in (layer, digital):
        inputs = x.clone().requires_grad_()
        (net(inputs) * error).sum().backward()
        gradients.append((inputs.grad, net.weight.grad))
    # Nothing is clipped, so inputs get torch's gradient, and weights that of quantised inputs.
    torch.testing.assert_close(gradients[0][0], gradients[1][0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gradients[0][1], gradients[1][1], rtol=0.05, atol=0.1)
    assert not torch.equal(gradients[0][1], gradients[1][1])


@pytest.mark.parametrize("scale", ["array", "column"])
def test_gaussian_noise_is_relative_to_the_largest_weight_and_reaches_inputs_not_weights(scale):
    torch.manual_seed(2)
    digital = nn.Linear(40, 30, bias=False)
    digital.weight.data *= torch.linspace(0.1, 1.0, 30).unsqueeze(1)
    update = software(noise={"kind": "gaussian", "scale": 0.1})
    layer = on_arrays(
        digital, update, io="perfect", array={"rows": 20, "columns": 10, "scale": scale}
    )
    identity = torch.eye(40)
    draws = torch.stack([layer(identity).detach().T - digital.weight for _ in range(400)])
    largest = torch.empty(30, 40)
    for array in layer.blocks:
        part = digital.weight.detach()[array.columns, array.rows].abs()
        own = part.amax(1, keepdim=True) if scale == "column" else part.amax()
        largest[array.columns, array.rows] = own
    ratio = (draws / (0.1 * largest)).detach()
    count = ratio.numel()
    assert ratio.mean() == pytest.approx(0.0, abs=3 / math.sqrt(count))
    assert ratio.square().mean() == pytest.approx(1.0, abs=3 * math.sqrt(2 / count))
    x = torch.randn(8, 40, requires_grad=True)
    before = layer.random_state.clone()
    layer(x).sum().backward()
    layer.random_state.copy_(before)
    noisy = layer(identity).detach()
    torch.testing.assert_close(x.grad, noisy.sum(1).expand(8, 40), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        layer.weight.grad, x.detach().sum(0).expand(30, 40), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("devices", [1, 4])
def test_programming_noise_has_the_moments_of_programming_itself(devices):
    torch.manual_seed(3)
    weights = torch.tensor([-1.0, -0.5, -0.05, 0.0, 0.05, 0.5, 1.0])
    digital = nn.Linear(1, 7, bias=False)
    digital.weight.data = weights.unsqueeze(1)
    update = software(noise={"kind": "programming"})
    layer = on_arrays(digital, update, io="perfect", array={"devices_per_polarity": devices})
    n = 3000
    noisy = torch.stack([layer(torch.ones(1, 1)).detach()[0] for _ in range(n)]).double()
    statistics = inference_statistics("pcm_nandakumar2019")
    targets = np.repeat(np.abs(weights.numpy()) * 25.0, 20000 * devices).astype(np.float32)
    one, other = (
        statistics.program(values, seed=seed).g_programmed_uS.reshape(7, 20000, devices).mean(2)
        / 25.0
        for values, seed in ((targets, 1), (targets * 0.0, 2))
    )
    sign = np.where(weights.numpy() < 0.0, -1.0, 1.0)[:, None]
    wanted = sign * (one - other)
    error = wanted.std(1) * math.sqrt(1 / n + 1 / 20000)
    np.testing.assert_array_less(np.abs(noisy.mean(0).numpy() - wanted.mean(1)), 3.5 * error)
    np.testing.assert_allclose(
        noisy.std(0).numpy(), wanted.std(1), rtol=3.5 / math.sqrt(2 * n) + 0.01
    )


def test_the_moments_of_programming_are_the_published_polynomial_where_no_bound_is_near():
    errors = programming_errors(inference_statistics("pcm_nandakumar2019"))
    x = 0.5
    sigma = (0.26348 + 1.9650 * x - 1.1731 * x**2) / 25.0
    assert math.sqrt(errors.variance[32]) == pytest.approx(sigma, rel=0.03)
    assert errors.mean[32] == pytest.approx(0.0, abs=3.5 * sigma / math.sqrt(8192))


def test_evaluation_takes_the_clean_weights():
    layer = on_arrays(nn.Linear(4, 3), software(noise={"kind": "gaussian"}), io="perfect")
    x = torch.randn(5, 4)
    wanted = nn.functional.linear(x, layer.weight, layer.bias)
    assert not torch.equal(layer(x), wanted)
    assert torch.equal(layer.eval()(x), wanted)


def test_frozen_draws_of_evaluation_do_not_move_those_of_the_training():
    update = software(noise={"kind": "gaussian"})
    first, second = (on_arrays(nn.Linear(4, 3), update, seed=7) for _ in range(2))
    second.load_state_dict(first.state_dict())
    x = torch.randn(5, 4)
    first.eval()(x)
    assert torch.equal(first.train()(x), second.train()(x))


def test_a_training_goes_on_from_its_checkpoint_as_if_nothing_had_happened():
    torch.manual_seed(4)
    x, target = torch.randn(8, 12), torch.randn(8, 3)
    update = software(noise={"kind": "programming"}, clip={"sigmas": 1.5})
    digital = nn.Linear(12, 3)

    def steps(layer, optimizer, count):
        for _ in range(count):
            optimizer.zero_grad()
            (layer(x) - target).square().mean().backward()
            optimizer.step()
            clip_weights(layer)

    layer = on_arrays(digital, update)
    optimizer = torch.optim.Adam(layer.parameters(), 0.01)
    steps(layer, optimizer, 3)
    saved = copy.deepcopy((layer.state_dict(), optimizer.state_dict()))
    steps(layer, optimizer, 3)
    again = on_arrays(digital, update, seed=99)
    resumed = torch.optim.Adam(again.parameters(), 0.01)
    again.load_state_dict(saved[0])
    resumed.load_state_dict(saved[1])
    steps(again, resumed, 3)
    assert torch.equal(again.weight, layer.weight)
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(copied(x), layer(x))
        assert copied.weight.data_ptr() != layer.weight.data_ptr()
        layer.random_state[1] -= 1


def test_layers_of_one_config_draw_different_noise_and_equal_configs_the_same():
    update = software(noise={"kind": "gaussian"})
    config = PCMConfig(update=update, io="perfect", seed=1)
    digital = nn.Linear(4, 3)
    first, second = (array_layer("it", digital, config) for _ in range(2))
    same = on_arrays(digital, update, seed=1, io="perfect")
    x = torch.randn(2, 4)
    one = first(x)
    assert not torch.equal(one, second(x))
    assert torch.equal(one, same(x))


def test_weights_are_clipped_at_their_own_spread_and_frozen_ones_are_left():
    torch.manual_seed(5)
    layer = on_arrays(nn.Linear(200, 50), software(clip={"sigmas": 1.5}))
    before = layer.weight.detach().clone()
    torch.nn.init.normal_(layer.weight, std=0.3)
    sigma = float(layer.weight.detach().double().std(correction=0))
    clip_weights(nn.Sequential(layer, nn.Linear(3, 3)))
    assert float(layer.weight.detach().abs().max()) == pytest.approx(1.5 * sigma, rel=1e-5)
    layer.weight.requires_grad_(False)
    layer.weight.copy_(before)
    clip_weights(layer)
    assert torch.equal(layer.weight, before)


def test_weights_without_spread_are_not_clipped_to_zero():
    layer = on_arrays(nn.Linear(1, 1, bias=False), software(clip={"sigmas": 2.0}))
    before = layer.weight.detach().clone()
    clip_weights(layer)
    assert torch.equal(layer.weight, before)
    assert float(before) != 0.0


@pytest.mark.parametrize("train", [True, False])
def test_under_autocast_arrays_compute_in_float32(train):
    io = {"dac_bits": 8, "adc_bits": 8, "out_noise": 0.0}
    layer = on_arrays(nn.Linear(20, 5), software(), io=io).train(train)
    x = torch.randn(4, 20)
    with torch.set_grad_enabled(train):
        want = layer(x)
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(layer(x), want)
            assert torch.equal(layer(x.bfloat16()), layer(x.bfloat16().float()))


def test_weights_without_clip_stay():
    layer = on_arrays(nn.Linear(20, 5))
    before = layer.weight.detach().clone()
    clip_weights(layer)
    assert torch.equal(layer.weight, before)


def test_a_digital_checkpoint_is_taken_and_leaves_ranges_to_be_calibrated():
    io = {"inp_range": "calibrated", "out_range": "calibrated"}
    layer = on_arrays(nn.Linear(4, 3), io=io)
    x = torch.randn(6, 4)
    calibrate(layer, [x])
    state = copy.deepcopy(layer.state_dict())
    assert set(state) == {"weight", "bias", "random_state", "input_range", "output_range"}
    other = nn.Linear(4, 3)
    layer.load_state_dict(other.state_dict())
    assert torch.equal(layer.weight, other.weight)
    assert torch.isnan(layer.input_range)
    assert torch.isnan(layer.output_range).all()
    layer.load_state_dict(state)
    assert torch.equal(layer.input_range, x.abs().max())
