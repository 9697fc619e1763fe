"""Products through arrays: against torch where nothing disturbs, against aihwkit's torch tiles with converters."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from aihwkit.nn.conversion import convert_to_analog
from aihwkit.simulator.configs import TorchInferenceRPUConfig
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from crossbar import PCMConfig
from crossbar.analog_product import io_parameters
from crossbar.array_layers.calibration import calibrate
from crossbar.array_layers.convert import array_layer
from kernels.errors import InputError

FINE = {"dac_bits": None, "adc_bits": None, "out_noise": 0.0}
CALIBRATED = {"inp_range": "calibrated", "out_range": "calibrated"}
FINE_WAYS = {
    "abs_max": {**FINE, "out_bound": 1000.0},
    "fixed": {**FINE, "out_bound": 1000.0, "inp_bound": 10.0, "noise_management": "none"},
    "calibrated": {**FINE, **CALIBRATED},
    "24 bits": {**CALIBRATED, "dac_bits": 24, "adc_bits": 24, "out_noise": 0.0},
    "input noise": {**FINE, **CALIBRATED, "inp_noise": 1e-9},
}
LAYERS = {
    "linear": (lambda: nn.Linear(70, 13), (6, 70)),
    "linear over time, no bias": (lambda: nn.Linear(70, 13, bias=False), (2, 3, 70)),
    "linear, one sample": (lambda: nn.Linear(70, 13), (70,)),
    "conv1d in groups": (
        lambda: nn.Conv1d(6, 8, 5, stride=2, padding=3, dilation=2, groups=2),
        (4, 6, 20),
    ),
    "conv2d same": (lambda: nn.Conv2d(9, 12, 3, padding="same", dilation=2), (4, 9, 11, 12)),
    "conv2d circular in groups": (
        lambda: nn.Conv2d(9, 12, (3, 2), padding=(1, 2), padding_mode="circular", groups=3),
        (4, 9, 11, 12),
    ),
    "depthwise, reflected": (
        lambda: nn.Conv2d(6, 6, 3, padding=1, padding_mode="reflect", groups=6),
        (4, 6, 8, 8),
    ),
    "conv2d replicated, one sample": (
        lambda: nn.Conv2d(9, 12, 3, padding="same", padding_mode="replicate"),
        (9, 11, 12),
    ),
    "conv3d": (lambda: nn.Conv3d(4, 6, 3, stride=(1, 2, 1), padding=1), (2, 4, 6, 7, 8)),
}
ARRAYS = ({}, {"rows": 20, "columns": 4}, {"rows": 7, "columns": 2, "scale": "column"})


def on_arrays(digital, seed=0, **config):
    return array_layer("it", digital, PCMConfig(update="software", seed=seed, **config)).eval()


def ready(layer, x):
    if layer.config.io_spec.calibrated:
        calibrate(layer, [x])
    return layer


def both_ways(layer, x):
    """In torch, with gradients; and by the kernels. The same numbers are drawn for both."""
    state = layer.random_state.clone()
    first = layer(x)
    assert first.requires_grad
    layer.random_state.copy_(state)
    with torch.no_grad():
        return first.detach(), layer(x)


@pytest.mark.parametrize("arrays", ARRAYS)
@pytest.mark.parametrize("kind", LAYERS)
def test_without_converters_a_layer_is_torchs(kind, arrays):
    torch.manual_seed(0)
    build, shape = LAYERS[kind]
    digital, x = build(), torch.randn(shape)
    layer = on_arrays(digital, io="perfect", array=arrays)
    torch.testing.assert_close(layer(x), digital(x), rtol=0, atol=0)
    layer.set_read(layer.ideal_read())
    torch.testing.assert_close(layer(x), digital(x), rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("way", FINE_WAYS)
@pytest.mark.parametrize("arrays", ARRAYS)
@pytest.mark.parametrize("kind", LAYERS)
def test_with_fine_converters_every_way_gives_torchs_outputs(kind, arrays, way):
    torch.manual_seed(1)
    build, shape = LAYERS[kind]
    digital, x = build(), torch.randn(shape)
    layer = ready(on_arrays(digital, io=FINE_WAYS[way], array=arrays), x)
    for y in both_ways(layer, x):
        torch.testing.assert_close(y, digital(x), rtol=1e-5, atol=4e-6)


@given(data=st.data(), seed=st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_convolutions_of_any_shape_are_torchs_on_arrays_of_any_size(data, seed):
    def draw(low, high):
        return data.draw(st.integers(low, high))

    torch.manual_seed(seed)
    axes, groups = draw(1, 3), draw(1, 3)
    kind = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1]
    kernel = tuple(draw(1, 3) for _ in range(axes))
    dilation = tuple(draw(1, 2) for _ in range(axes))
    mode = data.draw(st.sampled_from(("zeros", "circular", "replicate")))
    digital = kind(
        groups * draw(1, 3),
        groups * draw(1, 3),
        kernel,
        stride=tuple(draw(1, 2) for _ in range(axes)),
        padding=tuple(draw(0, 2) for _ in range(axes)),
        dilation=dilation,
        groups=groups,
        padding_mode=mode,
        bias=data.draw(st.booleans()),
    )
    size = [apart * (k - 1) + draw(2, 4) for apart, k in zip(dilation, kernel, strict=True)]
    x = torch.randn(draw(1, 3), digital.in_channels, *size)
    arrays = {"rows": draw(1, 30), "columns": draw(1, 5)}
    for way in ("calibrated", "abs_max"):
        layer = ready(on_arrays(digital, io=FINE_WAYS[way], array=arrays), x)
        for y in both_ways(layer, x):
            torch.testing.assert_close(y, digital(x), rtol=1e-4, atol=1e-5)


COARSE = {
    "defaults without noise": {"out_noise": 0.0},
    "halved inputs": {"out_noise": 0.0, "out_bound": 0.6, "adc_bits": 6},
    "no management": {"out_noise": 0.0, "noise_management": "none", "bound_management": "none"},
    "halved, one range": {"out_noise": 0.0, "noise_management": "none", "out_bound": 1.0},
}


def aihwkits(digital, config):
    """aihwkit's inference tiles in torch, with the same converters, sizes and scales."""
    theirs = TorchInferenceRPUConfig()
    theirs.forward = io_parameters(config.io_spec, 1.0, forward=True)
    theirs.mapping.max_input_size = config.array.rows
    theirs.mapping.max_output_size = config.array.columns
    theirs.mapping.weight_scaling_omega = 1.0
    theirs.mapping.weight_scaling_columnwise = config.array.scale == "column"
    theirs.mapping.learn_out_scaling = False
    return convert_to_analog(digital, theirs).eval()


@pytest.mark.parametrize("io", COARSE.values(), ids=COARSE)
@pytest.mark.parametrize("scale", ["array", "column"])
@pytest.mark.parametrize("kind", ["linear", "conv2d"])
def test_outputs_are_aihwkits_with_the_same_converters(kind, scale, io):
    torch.manual_seed(2)
    digital, x = (
        (nn.Linear(70, 13), torch.randn(6, 70))
        if kind == "linear"
        else (nn.Conv2d(9, 12, 3, padding=1, stride=2), torch.randn(4, 9, 11, 12))
    )
    arrays = {"rows": 30, "columns": 5, "scale": scale}
    layer = on_arrays(digital, io=io, array=arrays)
    with torch.no_grad():
        wanted = aihwkits(digital, layer.config)(x)
    assert (wanted - digital(x)).abs().max() > 0.003
    for y in both_ways(layer, x):
        # A value within rounding of an edge may come out a step away.
        apart = (y - wanted).abs() > 3e-6
        assert apart.float().mean() < 0.005
        assert (y - wanted).abs().max() < 0.05


@pytest.mark.parametrize(
    "io",
    [
        {"out_noise": 0.05, "inp_noise": 0.02, "adc_bits": None, "out_bound": 100.0},
        {"out_noise": 0.1, "noise_management": "none", "bound_management": "none"},
    ],
)
@pytest.mark.parametrize("kind", ["linear", "conv2d"])
def test_noise_of_the_converters_has_aihwkits_mean_and_spread(kind, io):
    torch.manual_seed(3)
    digital, x = (
        (nn.Linear(40, 6), torch.rand(3, 40))
        if kind == "linear"
        else (nn.Conv2d(4, 6, 3), torch.rand(3, 4, 4, 4))
    )
    layer = on_arrays(digital, io=io, array={"rows": 20, "columns": 3})
    theirs = aihwkits(digital, layer.config)
    repeats = 600
    many = x.repeat(repeats, *(1 for _ in x.shape[1:]))
    with torch.no_grad():
        wanted = theirs(many).unflatten(0, (repeats, len(x)))
    for y in both_ways(layer, many):
        found = y.unflatten(0, (repeats, len(x)))
        error = (found.var(0) + wanted.var(0)).div(repeats).sqrt()
        z = (found.mean(0) - wanted.mean(0)) / error
        assert z.abs().max() < 4.5  # of some 50 outputs
        assert z.square().mean() < 1.0 + 3 * math.sqrt(2 / z.numel())
        # Pooled over outputs, three standard errors of a ratio of variances.
        ratio = (found.var(0) / wanted.var(0)).mean()
        assert ratio == pytest.approx(1.0, abs=3 * math.sqrt(4 / repeats / z.numel()) + 0.004)


@pytest.mark.parametrize(
    "io",
    [
        "perfect",
        {"noise_management": "none", "bound_management": "none", "out_noise": 0.0},
        {"out_noise": 0.0, "adc_bits": None, "out_bound": 100.0},
        {"inp_range": "calibrated", "bound_management": "none", "dac_bits": 8, "out_noise": 0.0},
    ],
)
@pytest.mark.parametrize("kind", ["linear", "conv2d same", "conv1d in groups"])
def test_read_noise_is_drawn_for_every_input_vector_with_the_variance_of_the_sum(kind, io):
    torch.manual_seed(4)
    build, shape = LAYERS[kind]
    digital = build()
    x = torch.rand(shape[1:]).sub(0.3)
    layer = ready(on_arrays(digital, io=io, array={"rows": 20, "columns": 4}), x)
    ideal = layer.ideal_read()
    blocks = [
        replace(
            block,
            weights=block.weights.detach(),
            variance=torch.rand_like(block.weights) * 0.02,
            factor=torch.full_like(block.scale, 1.5),
        )
        for block in ideal.row_blocks
    ]
    layer.set_read(replace(ideal, row_blocks=tuple(blocks)))
    # The law: a sum of independent devices, in units of weights.
    plain = copy.deepcopy(digital)
    plain.weight.data = torch.cat(
        [block.variance * (block.scale * block.factor).square().unsqueeze(1) for block in blocks],
        1,
    ).view_as(plain.weight)
    if plain.bias is not None:
        plain.bias.data.zero_()
    repeats = 2000
    many = x.expand(repeats, *x.shape).contiguous()
    for with_gradient in (True, False):
        layer.set_read(layer.read_state)
        with torch.set_grad_enabled(with_gradient):
            y = layer(many.requires_grad_(with_gradient)).detach()
        full = 1.0 if isinstance(io, str) or "inp_range" not in io else float(layer.input_range)
        carried = x if isinstance(io, str) else x.clamp(-full, full)
        wanted = plain(carried.square()).detach()
        # Equal vectors get noise of their own, and so do the positions of an image.
        ratio = y.var(0) / wanted
        assert ratio.mean() == pytest.approx(
            1.0, abs=3 * math.sqrt(2 / repeats / ratio.numel()) + 0.02
        )


@pytest.mark.parametrize("io", ["perfect", {**FINE_WAYS["calibrated"]}, FINE_WAYS["abs_max"]])
def test_the_factor_of_a_column_multiplies_its_partial_sum_behind_the_adc(io):
    torch.manual_seed(6)
    digital, x = nn.Linear(70, 13), torch.randn(6, 70)
    layer = ready(on_arrays(digital, io=io, array={"rows": 40}), x)
    factors = (torch.rand(13) + 0.5, torch.rand(13) + 0.5)
    read = layer.ideal_read()
    blocks = [
        replace(block, factor=factor)
        for block, factor in zip(read.row_blocks, factors, strict=True)
    ]
    layer.set_read(replace(read, row_blocks=tuple(blocks)))
    weights = digital.weight
    wanted = digital.bias + factors[0] * (x[:, :35] @ weights[:, :35].T)
    wanted = wanted + factors[1] * (x[:, 35:] @ weights[:, 35:].T)
    for y in both_ways(layer, x):
        torch.testing.assert_close(y, wanted, rtol=1e-5, atol=4e-6)


def test_a_read_is_repeated_by_its_seed_and_other_products_draw_anew():
    torch.manual_seed(5)
    layer = on_arrays(nn.Conv2d(3, 4, 3), io={"noise_management": "none"}, array={"rows": 20})
    x = torch.randn(2, 3, 6, 6)
    read = layer.ideal_read()
    with torch.no_grad():
        layer.set_read(read)
        first, second = layer(x), layer(x)
        layer.set_read(read)
        assert torch.equal(layer(x), first)
        assert not torch.equal(first, second)
        layer.set_read(replace(read, seed=1))
        assert not torch.equal(layer(x), first)


def test_programmed_devices_are_not_trained():
    layer = on_arrays(nn.Linear(4, 3), io="perfect")
    layer.set_read(layer.ideal_read())
    layer.train()
    with pytest.raises(InputError, match="layer 'it' computes with programmed devices"):
        layer(torch.randn(2, 4))
    layer.forget()
    layer(torch.randn(2, 4)).sum().backward()
    assert layer.weight.grad is not None


def test_digital_is_torchs_own_product():
    layer = on_arrays(nn.Linear(4, 3))
    x = torch.randn(2, 4)
    layer.digital = True
    assert torch.equal(layer(x), nn.functional.linear(x, layer.weight, layer.bias))


@pytest.mark.parametrize("io", ["perfect", {"noise_management": "none"}, {}])
def test_inputs_that_cannot_be_driven_are_nan_and_empty_batches_are_empty(io):
    layer = on_arrays(nn.Linear(4, 3), io=io)
    x = torch.randn(3, 4)
    x[1, 2] = torch.inf
    for y in both_ways(layer, x):
        expected = [True] if io == "perfect" else [True, True, True]
        assert (y[1].isnan() | y[1].isinf()).tolist()[: len(expected)] == expected
        assert torch.isfinite(y[[0, 2]]).all()
    assert layer(torch.zeros(0, 4)).shape == (0, 3)
    conv = on_arrays(nn.Conv2d(2, 3, 3), io=io)
    assert conv(torch.zeros(0, 2, 5, 5)).shape == (0, 3, 3, 3)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_other_number_formats_are_refused(dtype):
    layer = on_arrays(nn.Linear(4, 3))
    with pytest.raises(InputError, match="layer 'it': arrays take float32"):
        layer(torch.randn(2, 4).to(dtype))
    with pytest.raises(InputError, match="layer 'it' on arrays computes in float32"):
        layer.to(dtype)


def test_a_vector_of_zeros_is_not_driven_as_in_aihwkits_tiles():
    layer = on_arrays(nn.Linear(4, 3, bias=False), io={})
    for y in both_ways(layer, torch.zeros(5, 4)):
        assert not y.any()
