"""The tile inside aihwkit's layers: the extension point, state, reproducibility, and what it refuses."""

import copy
import io
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from aihwkit.nn import (
    AnalogConv2d,
    AnalogGRUCell,
    AnalogLinear,
    AnalogLSTMCell,
    AnalogRNN,
    AnalogVanillaRNNCell,
)
from aihwkit.nn.conversion import convert_to_analog, convert_to_digital
from aihwkit.optim import AnalogAdam, AnalogSGD
from aihwkit.simulator.parameters.io import IOParameters
from aihwkit.simulator.parameters.mapping import MappingParameter
from torch import nn

from crossbar import PCMConfig, PCMTile, conductances
from kernels.errors import InputError
from kernels.threads import get_threads, set_threads

ACCUMULATED_ADAM = {"kind": "accumulated", "optimizer": "adam"}


def linear(n_in=12, n_out=7, bias=False, **config):
    return AnalogLinear(n_in, n_out, bias=bias, rpu_config=PCMConfig(**{"seed": 0, **config}))


def tiles_of(model):
    return [module for module in model.modules() if isinstance(module, PCMTile)]


def train(model, inputs, steps=3, lr=0.1, optimizer=None):
    optimizer = optimizer or AnalogSGD(model.parameters(), lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        out = model(inputs)
        (out[0] if isinstance(out, tuple) else out).square().mean().backward()
        optimizer.step()
    return optimizer


def bits(model):
    return [array.copy() for tile in tiles_of(model) for array in (tile.g_plus, tile.g_minus)]


def assert_same_bits(first, second):
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def differ(first, second):
    return any(not np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(
    "update", ["pulsed", {"kind": "pulsed", "trains": "per_sample"}, "accumulated"]
)
@pytest.mark.parametrize("device", ["nandakumar2018", "exp_step", "linear"])
def test_a_linear_layer_trains(device, update):
    torch.manual_seed(0)
    layer = linear(20, 5, device=device, update=update, io="perfect")
    before = bits(layer)
    inputs = torch.rand(30, 20)
    target = inputs @ torch.empty(20, 5).uniform_(-0.7, 0.7)
    optimizer = AnalogSGD(layer.parameters(), lr=0.3)
    losses = []
    for _ in range(100):
        optimizer.zero_grad()
        loss = (layer(inputs) - target).square().mean()
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    assert differ(before, bits(layer))
    assert np.mean(losses[-10:]) < 0.6 * losses[0]
    assert tiles_of(layer)[0].counters["pulses"] > 0


@pytest.mark.parametrize("cell", [AnalogVanillaRNNCell, AnalogLSTMCell, AnalogGRUCell])
def test_recurrent_cells_train(cell):
    torch.manual_seed(0)
    model = AnalogRNN(cell, 5, 8, bias=True, rpu_config=PCMConfig(device="linear", seed=0))
    before = bits(model)
    train(model, torch.randn(7, 3, 5), lr=1.0)
    assert differ(before, bits(model))
    assert all(tile.counters["updates"] == 3 for tile in tiles_of(model))


def test_a_digital_network_is_converted_and_back():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 10, bias=False)
    )
    analog = convert_to_analog(network, PCMConfig(io="perfect", seed=0))
    assert isinstance(next(m for m in analog.modules() if isinstance(m, AnalogConv2d)), nn.Module)
    images = torch.rand(2, 1, 8, 8)
    torch.testing.assert_close(analog(images), network(images), atol=1e-5, rtol=1e-4)
    before = bits(analog)
    train(analog, images, lr=1.0)
    assert differ(before, bits(analog))
    digital = convert_to_digital(analog)
    torch.testing.assert_close(digital(images), analog(images), atol=1e-5, rtol=1e-4)


def test_gradients_are_those_of_the_weights():
    torch.manual_seed(0)
    layer = linear(io="perfect", bias=True)
    weights, bias = layer.get_weights()
    inputs = torch.randn(4, 3, 12, requires_grad=True)
    twin = inputs.detach().clone().requires_grad_()
    out = layer(inputs)
    expected = nn.functional.linear(twin, weights, bias)
    torch.testing.assert_close(out, expected)
    out.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(inputs.grad, twin.grad)


def test_a_layer_larger_than_an_array_takes_several_tiles():
    torch.manual_seed(0)
    whole = linear(io="perfect")
    split = linear(io="perfect", array={"rows": 5, "columns": 3})
    weights = torch.empty(7, 12).uniform_(-1, 1)
    whole.set_weights(weights)
    split.set_weights(weights)
    parts = list(conductances(split))
    assert len(parts) == len(tiles_of(split)) == 9
    put_together = np.zeros((7, 12), np.float32)
    for part in parts:
        put_together[part.columns, part.rows] = part.g_plus - part.g_minus
    np.testing.assert_allclose(put_together / 11.9, weights.numpy(), atol=1e-5)
    inputs = torch.randn(6, 12)
    torch.testing.assert_close(split(inputs), whole(inputs))
    assert len({tile.tile.devices.stream for tile in tiles_of(split)}) == 9
    before = bits(split)
    train(split, inputs, lr=1.0)
    assert differ(before, bits(split))


@pytest.mark.parametrize("limit", [{"rows": 5}, {"columns": 3}])
def test_an_array_may_be_limited_in_one_direction(limit):
    assert len(tiles_of(linear(array=limit))) == 3


def test_what_is_handed_out_is_live():
    layer = linear(io="perfect")
    tile = tiles_of(layer)[0]
    (held,) = conductances(layer)
    assert np.shares_memory(held.g_plus, tile.g_plus)
    assert held.g_plus.dtype == np.float32
    assert held.g_plus.flags.c_contiguous
    assert held.g_plus.shape == (7, 12)
    held.g_plus[...] = 12.0
    held.g_minus[...] = 0.1
    torch.testing.assert_close(layer(torch.ones(1, 12)), torch.full((1, 7), 12.0))
    before = held.g_plus.copy()
    train(layer, torch.rand(20, 12), lr=1.0)
    assert (held.g_plus != before).any() or held.g_minus.max() > 0.1
    layer.load_state_dict(layer.state_dict())
    assert tiles_of(layer)[0].g_plus.shape == (7, 12)


def test_a_synapse_of_seven_devices_has_a_leading_axis_and_pulses_each():
    torch.manual_seed(0)
    layer = linear(array={"devices_per_polarity": 7}, update="pulsed", io="perfect")
    (held,) = conductances(layer)
    assert held.g_plus.shape == (7, 7, 12)
    assert np.shares_memory(held.g_plus, tiles_of(layer)[0].g_plus)
    before = held.g_plus.copy(), held.g_minus.copy()
    train(layer, torch.rand(30, 12), steps=30, lr=3.0)
    changed = (held.g_plus != before[0]) | (held.g_minus != before[1])
    assert changed.any(axis=(1, 2)).all()


def trained(seed=0, torch_seed=0, config=None, steps=12):
    torch.manual_seed(torch_seed)
    config = config or PCMConfig(seed=seed, update="pulsed")
    model = nn.Sequential(
        AnalogLinear(12, 12, bias=False, rpu_config=config),
        nn.ReLU(),
        AnalogLinear(12, 12, bias=True, rpu_config=config),
    )
    train(model, torch.rand(16, 12), steps=steps, lr=2.0)
    return model


def test_the_same_seed_gives_the_same_bits_and_another_differs():
    first = bits(trained(seed=3))
    assert_same_bits(first, bits(trained(seed=3)))
    assert differ(first, bits(trained(seed=4)))


def test_a_config_goes_on_counting_and_one_built_anew_starts_again():
    # What torch's generator stands at decides nothing.
    config = PCMConfig(seed=3)
    first = bits(trained(config=config))
    assert differ(first, bits(trained(config=config)))
    assert_same_bits(first, bits(trained(config=PCMConfig(seed=3))))


def test_configs_without_a_seed_share_no_stream_and_follow_the_order_of_their_first_tiles():
    unused = PCMConfig()
    configs = [PCMConfig() for _ in range(3)]
    built = [linear(6, 6, seed=None), *(AnalogLinear(6, 6, rpu_config=c) for c in configs[::-1])]
    built += [linear(6, 6, seed=seed) for seed in range(3)]
    streams = [tiles_of(layer)[0].tile.devices.stream for layer in built]
    assert len(set(streams)) == 7
    start = streams[0][0]
    assert streams[:4] == [(start + n, "unseeded", 0, 0) for n in range(4)]
    assert f"unseeded config {start + 1}" in repr(configs[2])
    assert "no tile yet" in repr(unused)
    assert "seed 5" in repr(PCMConfig(seed=5))
    (layer,) = [AnalogLinear(6, 6, rpu_config=pickle.loads(pickle.dumps(configs[2])))]
    assert tiles_of(layer)[0].tile.devices.stream == (start + 4, "unseeded", 0, 0)


def test_tiles_of_two_configs_get_other_pulses_and_a_script_run_again_the_same():
    script = """
import hashlib, torch
from aihwkit.nn import AnalogLinear
from crossbar import PCMConfig
for config in (PCMConfig(), PCMConfig(), PCMConfig(seed=0), PCMConfig(seed=0)):
    tile = AnalogLinear(30, 20, bias=False, rpu_config=config).analog_module
    tile.set_weights(torch.zeros(20, 30))
    tile.set_learning_rate(0.5)
    tile.update(torch.ones(8, 30), torch.ones(8, 20))
    print(hashlib.sha256(tile.g_minus.tobytes()).hexdigest())
"""
    once, again = (
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    )
    assert once == again
    one, other, seeded, same = once.split()
    assert len({one, other, seeded}) == 3
    assert seeded == same


def test_no_two_layers_share_a_stream():
    config = PCMConfig(seed=0)
    built = [AnalogLinear(6, 6, bias=False, rpu_config=config) for _ in range(3)]
    built.append(convert_to_analog(nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 6)), config))
    bare = [PCMTile(6, 6, config) for _ in range(2)]
    streams = [tile.tile.devices.stream for layer in (*built, *bare) for tile in tiles_of(layer)]
    assert len(set(streams)) == len(streams) == 7
    for tile in tiles_of(nn.ModuleList(built[:2])):
        tile.set_weights(torch.zeros(6, 6))
    x, d = torch.rand(50, 6), torch.rand(50, 6)
    for layer in built[:2]:
        tiles_of(layer)[0].update(x, d)
    assert differ(bits(built[0]), bits(built[1]))


@pytest.mark.parametrize(
    "update", ["pulsed", {"kind": "pulsed", "trains": "per_sample"}, "accumulated"]
)
def test_one_and_two_threads_give_the_same_bits(update):
    torch_threads, kernel_threads = torch.get_num_threads(), get_threads()
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        set_threads(threads)
        config = PCMConfig(seed=0, update=update, array={"devices_per_polarity": 2})
        torch.manual_seed(0)
        model = nn.Sequential(
            AnalogLinear(700, 300, bias=False, rpu_config=config),
            nn.ReLU(),
            AnalogLinear(300, 10, bias=False, rpu_config=config),
        )
        train(model, torch.rand(5, 700), steps=3)
        found.append(bits(model))
    torch.set_num_threads(torch_threads)
    set_threads(kernel_threads)
    assert_same_bits(*found)


@pytest.mark.parametrize(
    "update",
    [
        "pulsed",
        {"kind": "pulsed", "trains": "per_sample"},
        {
            "kind": "accumulated",
            "accumulator_bits": 8,
            "optimizer": {"name": "adam", "state_bits": 16},
        },
    ],
)
@pytest.mark.parametrize("device", ["nandakumar2018", "exp_step"])
def test_a_checkpoint_continues_to_the_same_bits(device, update):
    config = {"device": device, "update": update, "array": {"devices_per_polarity": 2}}
    if device == "nandakumar2018":
        config["read"] = {"noise": True, "seconds_per_update": 1.0}
    torch.manual_seed(0)
    layer = linear(**config)
    inputs = torch.rand(16, 12)
    train(layer, inputs, steps=7, lr=0.5)
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    resumed = linear(**{**config, "seed": 99})
    resumed.load_state_dict(torch.load(file, weights_only=False))
    copied, unpickled = copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))
    assert_same_bits(bits(layer), bits(resumed))
    for model in (layer, resumed, copied, unpickled):
        train(model, inputs, steps=15, lr=0.5)
    for other in (resumed, copied, unpickled):
        assert_same_bits(bits(layer), bits(other))
        assert tiles_of(other)[0].counters == tiles_of(layer)[0].counters


def test_a_copy_is_independent():
    layer = linear()
    copied = copy.deepcopy(layer)
    assert not np.shares_memory(tiles_of(layer)[0].g_plus, tiles_of(copied)[0].g_plus)
    before = bits(layer)
    train(copied, torch.rand(20, 12), lr=2.0)
    assert_same_bits(before, bits(layer))


def test_a_checkpoint_of_other_circuits_is_refused():
    with pytest.raises(InputError, match="update state"):
        tiles_of(linear())[0].tile.load_extra(
            tiles_of(linear(update=ACCUMULATED_ADAM))[0].tile.dump_extra()
        )


def test_the_state_of_an_update_is_all_there_to_be_measured():
    assert tiles_of(linear())[0].update_state_arrays() == {}
    held = tiles_of(linear(update={"kind": "accumulated", "accumulator_bits": 8}))[
        0
    ].update_state_arrays()
    assert {name: (a.shape, a.dtype.itemsize) for name, a in held.items()} == {"chi": ((7, 12), 1)}
    adam = tiles_of(linear(update=ACCUMULATED_ADAM))[0]
    held = adam.update_state_arrays()
    assert sorted(held) == ["chi", "first_moment", "second_moment"]
    train(adam, torch.rand(4, 12))
    assert all(array.any() for array in held.values())


def test_the_learning_rate_of_the_optimizer_is_followed_between_epochs():
    torch.manual_seed(0)
    layer = linear(40, 30, device="linear", io="perfect")
    tile = tiles_of(layer)[0]
    optimizer = AnalogSGD(layer.parameters(), lr=50.0)
    inputs = torch.rand(50, 40)
    pulses = []
    for lr in (50.0, 5.0):
        for group in optimizer.param_groups:
            group["lr"] = lr
        layer.set_weights(torch.zeros(30, 40))
        before = tile.counters["pulses"]
        optimizer.zero_grad()
        layer(inputs).mean().backward()
        optimizer.step()
        pulses.append(tile.counters["pulses"] - before)
    assert pulses[1] == pytest.approx(pulses[0] / 10, rel=0.1)


@pytest.mark.parametrize("kind", ["exact", "open_loop", "write_verify"])
def test_a_program_is_counted_and_comes_close(kind):
    from crossbar.specs import ProgramSpec

    torch.manual_seed(0)
    tile = tiles_of(linear(30, 20))[0]
    weights = torch.empty(20, 30).uniform_(-0.7, 0.7)
    tile.program(weights, ProgramSpec(kind=kind))
    error = (tile.get_weights()[0] - weights).abs()
    # half the mean step of the model, 0.16 µS up to g_max, over 11.9 µS
    bound = {"exact": 1e-6, "open_loop": 1.2, "write_verify": 0.007}[kind]
    assert error.max() < bound or tile.counters["program_missed"] > 0
    assert error.mean() < {"exact": 1e-6, "open_loop": 0.2, "write_verify": 0.007}[kind]
    assert (tile.counters["program_pulses"] > 0) == (kind != "exact")
    first = tile.g_plus.copy()
    tile.program(weights, ProgramSpec(kind=kind))
    assert np.array_equal(first, tile.g_plus) == (kind == "exact")


def test_weights_beyond_the_range_are_clipped_with_a_warning():
    layer = linear(array={"weight_range": 0.5})
    with pytest.warns(UserWarning, match="84 of 84 weights are beyond the weight_range of 0.5"):
        layer.set_weights(torch.full((7, 12), 2.0))
    torch.testing.assert_close(layer.get_weights()[0], torch.full((7, 12), 0.5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer.set_weights(torch.full((7, 12), 0.5))


def test_stuck_devices_ignore_every_pulse():
    torch.manual_seed(0)
    layer = linear(faults={"stuck_reset": 0.5, "stuck_set": 0.5})
    before = bits(layer)
    assert set(np.unique(before[0])) <= {np.float32(0.1), np.float32(12.0)}
    train(layer, torch.rand(50, 12), steps=20, lr=5.0)
    layer.set_weights(torch.zeros(7, 12))
    assert_same_bits(before, bits(layer))


def test_a_diverged_training_is_an_error():
    layer = linear()
    tile = tiles_of(layer)[0]
    with pytest.raises(FloatingPointError, match="diverged"):
        tile.update(torch.rand(3, 12), torch.full((3, 7), float("nan")))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"device": "nandakumar"},
            r"device\.model: must be one of exp_step, linear, nandakumar2018",
        ),
        ({"device": {"model": "linear", "step_uS": -1.0}}, "device.*step_uS"),
        ({"device": {"model": "linear", "stepp": 1.0}}, "device.*stepp"),
        ({"device": 7}, "device: must be a name"),
        ({"io": "noisy"}, "io: must be one of default, perfect"),
        ({"io": {"adc_bit": 9}}, "io: adc_bit"),
        ({"io": {"perfect": True, "dac_bits": 4}}, "leaves no room for dac_bits"),
        ({"io": {"out_bound": None}}, "adc_bits needs an out_bound"),
        ({"io": IOParameters(w_noise=0.1)}, "w_noise"),
        ({"io": IOParameters(ir_drop=1.0)}, "(?i)IR drop"),
        ({"io": IOParameters(inp_sto_round=True)}, "inp_sto_round"),
        ({"update": "momentum"}, r"update\.kind: must be one of pulsed, accumulated"),
        ({"update": {"kind": "pulsed", "momentum": 0.9}}, "keeps no state.*momentum"),
        ({"update": {"kind": "pulsed", "optimizer": "adam"}}, "keeps no state.*optimizer"),
        ({"update": {"kind": "accumulated", "accumulator_bits": 1}}, "accumulator_bits"),
        (
            {"update": {"kind": "accumulated", "optimizer": {"name": "sgd", "momentum": 0.5}}},
            "sgd does not use momentum",
        ),
        ({"array": {"rows": 0}}, "array: rows"),
        ({"array": 512}, "array: must be a mapping"),
        ({"read": {"noise": True}, "device": "linear"}, "read.noise"),
        ({"read": {"seconds_per_update": 1.0}, "device": "exp_step"}, "read.seconds_per_update"),
        ({"faults": {"stuck_set": 2.0}}, "faults: stuck_set"),
        ({"programming": {"kind": "exact", "tolerance_uS": 0.1}}, "tolerance_uS"),
        ({"seed": 0.5}, "seed: must be an integer or None"),
        ({"mapping": MappingParameter(digital_bias=False)}, "no analog bias"),
        ({"mapping": MappingParameter(max_input_size=64)}, "give the array alone"),
    ],
)
def test_what_cannot_be_honoured_is_refused_with_one_message(values, words):
    with pytest.raises(InputError, match=words) as caught:
        PCMConfig(**values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "move",
    [
        lambda layer: layer.cuda(),
        lambda layer: layer.to("cuda"),
        lambda layer: layer.to(torch.device("meta")),
        lambda layer: layer.double(),
        lambda layer: tiles_of(layer)[0].to(torch.float16),
    ],
)
def test_the_tile_stays_on_the_cpu_in_float32(move):
    with pytest.raises(InputError, match="on the CPU"):
        move(linear(bias=True))
    layer = linear(bias=True)
    assert layer.to("cpu").float() is layer


def test_inputs_of_another_type_are_refused():
    with pytest.raises(InputError, match="float32"):
        linear()(torch.rand(2, 12, dtype=torch.float64))


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda p: AnalogSGD(p, lr=0.1, momentum=0.9), "momentum=0.9"),
        (lambda p: AnalogSGD(p, lr=0.1, weight_decay=1e-4), "weight_decay"),
        (lambda p: AnalogAdam(p, lr=0.1), "AnalogAdam does not drive"),
        (lambda p: torch.optim.SGD(p, lr=0.1), "SGD does not drive"),
    ],
)
def test_an_optimizer_whose_rule_the_tile_would_ignore_is_refused(build, words):
    layer = linear()
    optimizer = build(layer.parameters())
    layer(torch.rand(2, 12)).sum().backward()
    with pytest.raises(InputError, match=words):
        optimizer.step()
    digital = nn.Linear(3, 2)
    other = torch.optim.SGD(digital.parameters(), lr=0.1, momentum=0.9)
    digital(torch.rand(1, 3)).sum().backward()
    other.step()


def test_a_transformer_layer_on_tiles_evaluates_as_it_trains():
    torch.manual_seed(0)
    digital = nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0, batch_first=True)
    config = PCMConfig(device="linear", io="perfect", seed=0)
    layer = convert_to_analog(digital, config)
    assert len(tiles_of(layer)) == 2
    x = torch.rand(3, 5, 16)
    trained = layer.train()(x)
    for copied in (layer, copy.deepcopy(layer)):
        torch.testing.assert_close(copied.eval()(x), trained)
        with torch.no_grad():
            torch.testing.assert_close(copied.eval()(x), trained)
    torch.testing.assert_close(trained, digital(x), atol=1e-5, rtol=0.0)


@pytest.mark.parametrize(
    "update", ["pulsed", {"kind": "pulsed", "trains": "per_sample"}, ACCUMULATED_ADAM]
)
@pytest.mark.parametrize("shape", [(0, 12), (0, 5, 12), (4, 0, 12)])
def test_an_empty_batch_changes_nothing(update, shape):
    layer = linear(update=update, read={"noise": True})
    before = bits(layer)
    out = layer(torch.zeros(shape))
    assert out.shape == (*shape[:-1], 7)
    out.sum().backward()
    AnalogSGD(layer.parameters(), lr=1.0).step()
    assert_same_bits(before, bits(layer))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_refused_and_change_nothing(value):
    layer = linear()
    tile = tiles_of(layer)[0]
    weights = torch.zeros(7, 12)
    weights[2, 3] = value
    before = bits(layer)
    for write in (
        layer.set_weights,
        tile.program,
        tile.tile.set_weights,
        lambda w: tile.set_weights(w, realistic=True),
    ):
        with pytest.raises(InputError, match="weights: 1 of 84 values are not finite"):
            write(weights)
    assert_same_bits(before, bits(layer))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize(
    "io",
    [
        "default",
        {"noise_management": "none"},
        {"noise_management": "none", "bound_management": "none"},
        {"inp_noise": 0.1},
        {"dac_bits": None, "adc_bits": None},
    ],
)
@pytest.mark.parametrize("rows", [[0, 1, 2], [1]])
@pytest.mark.parametrize("columns", [slice(None), slice(3, 4)])
def test_an_input_that_is_not_finite_gives_no_number(value, io, rows, columns):
    torch.manual_seed(0)
    good = torch.rand(3, 12)
    bad = good.clone()
    bad[rows, columns] = value
    layer = linear(io=io)
    found = copy.deepcopy(layer)(bad)
    assert found[rows].isnan().all()
    others = [row for row in range(3) if row not in rows]
    assert found[others].isfinite().all()
    assert torch.equal(found[others], layer(good)[others])


def test_an_error_that_is_not_finite_gives_no_number():
    layer = linear()
    x = torch.rand(2, 12, requires_grad=True)
    layer(x).backward(torch.tensor([[float("nan")] * 7, [1.0] * 7]))
    assert x.grad[0].isnan().all()
    assert x.grad[1].isfinite().all()


@pytest.mark.parametrize("sizes", [(0, 4), (4, 0)])
def test_a_layer_without_weights_is_refused(sizes):
    with pytest.raises(InputError, match=f"{sizes[1]} x {sizes[0]} weights cannot be put on"):
        linear(*sizes)


def test_a_model_on_the_meta_device_is_refused():
    with torch.device("meta"):
        model = nn.Linear(4, 3)
        with pytest.raises(InputError, match=r"CPU.*default device is meta"):
            linear()
    with pytest.raises(InputError, match="weights: lie on the meta device, without values"):
        convert_to_analog(model, PCMConfig(seed=0))
