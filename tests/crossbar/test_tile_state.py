"""The state of a tile: copied in every way that torch's users copy states, and loaded as the same weights."""

import copy
import io
import pickle
import warnings

import numpy as np
import pytest
import torch
from aihwkit.nn import AnalogLinear, AnalogSequential
from aihwkit.optim import AnalogSGD
from aihwkit.simulator.parameters.io import IOParameters
from torch import nn

from crossbar import PCMConfig, PCMTile
from crossbar.tile_state import restored_tile_state
from kernels.errors import InputError

SIXTEEN_BITS = {"kind": "accumulated", "optimizer": {"name": "momentum", "state_bits": 16}}


def model_of(**config):
    """Two layers, so that the second one's stream is not the first of its config."""
    made = PCMConfig(**{"seed": 7, "io": "perfect", **config})
    torch.manual_seed(0)
    return AnalogSequential(
        AnalogLinear(6, 5, rpu_config=made), AnalogLinear(5, 4, bias=False, rpu_config=made)
    )


def tiles_of(model):
    return [module for module in model.modules() if isinstance(module, PCMTile)]


def train(model, steps=3, optimizer=None):
    optimizer = optimizer or AnalogSGD(model.parameters(), lr=0.3)
    inputs = torch.rand(16, 6, generator=torch.Generator().manual_seed(1))
    for _ in range(steps):
        optimizer.zero_grad()
        model(inputs).square().mean().backward()
        optimizer.step()
    return optimizer


def bits(model):
    return [array.copy() for tile in tiles_of(model) for array in (tile.g_plus, tile.g_minus)]


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def through_a_file(value, **how):
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file, **how)


def with_its_code(value):
    """A whole model is code; a state is not."""
    return through_a_file(value, weights_only=False)


def cloned(state):
    return {key: value.detach().cpu().clone() for key, value in state.items()}


@pytest.mark.parametrize(
    "copy_of", [copy.deepcopy, cloned, through_a_file, lambda s: pickle.loads(pickle.dumps(s))]
)
@pytest.mark.parametrize("config", [{}, {"update": SIXTEEN_BITS}, {"array": {"rows": 4}}])
def test_a_copied_state_goes_back_to_the_bit(copy_of, config):
    model = model_of(**config)
    optimizer = train(model)
    held, bias = copy_of(model.state_dict()), model[0].get_weights()[1].clone()
    then = bits(model)
    train(model, optimizer=optimizer)
    after = bits(model)
    assert not same(then, after)
    model.load_state_dict(held)
    assert same(then, bits(model))
    assert torch.equal(model[0].get_weights()[1], bias)
    # The optimizer was made before, and the same pulses come again.
    train(model, optimizer=optimizer)
    assert same(after, bits(model))


@pytest.mark.parametrize(
    "copy_of", [copy.deepcopy, with_its_code, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_a_copied_model_goes_on_to_the_same_bits_and_stays_frozen(copy_of):
    model = model_of(update=SIXTEEN_BITS, faults={"stuck_reset": 0.2, "stuck_set": 0.1})
    train(model)
    tiles_of(model)[0].analog_ctx.requires_grad_(False)
    model(torch.rand(3, 6)).sum().backward()
    copied = copy_of(model)
    model.zero_grad()
    for one in (model, copied):
        train(one)
    assert same(bits(model), bits(copied))
    assert [tile.analog_ctx.requires_grad for tile in tiles_of(copied)] == [False, True]


def test_the_same_devices_are_stuck_after_loading():
    faults = {"stuck_reset": 0.3}
    model, other = model_of(faults=faults), model_of(faults=faults, seed=8)
    other.load_state_dict(model.state_dict())
    for one in (model, other):
        train(one, steps=10)
    assert same(bits(model), bits(other))


def test_two_models_do_not_share_a_loaded_configuration():
    model, other = model_of(), model_of()
    other.load_state_dict(model.state_dict())
    for ours, theirs in zip(tiles_of(model), tiles_of(other), strict=True):
        assert ours.rpu_config is not theirs.rpu_config
        assert ours.rpu_config.forward is not theirs.rpu_config.forward


def test_another_configuration_comes_with_the_state_and_is_named():
    model, other = model_of(array={"weight_range": 2.0}), model_of()
    weights = [layer.get_weights()[0] for layer in model]
    with pytest.warns(
        UserWarning, match=r"array .*weight_range=2.0 .*instead of .*weight_range=1.0"
    ):
        other.load_state_dict(model.state_dict())
    for layer, expected in zip(other, weights, strict=True):
        assert torch.equal(layer.get_weights()[0], expected)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model_of(seed=3).load_state_dict(model_of().state_dict())


@pytest.mark.parametrize(
    ("saved", "own", "words"),
    [
        ({"array": {"weight_range": 2.0}}, {}, "weight per µS"),
        ({"device": "exp_step"}, {}, "device model"),
        ({"faults": {"stuck_set": 0.1}}, {}, "share of stuck devices"),
        ({"array": {"devices_per_polarity": 2}}, {}, "weight per µS"),
        ({"read": {"seconds_per_update": 1.0}}, {}, "shape of arrays"),
        ({"update": "accumulated"}, {}, "update state"),
        (
            {"update": {"kind": "accumulated", "accumulator_bits": 12}},
            {"update": {"kind": "accumulated", "accumulator_bits": 16}},
            "'accumulator_bits': 12",
        ),
        (
            {"update": {"kind": "accumulated", "granularity_uS": 0.5}},
            {"update": {"kind": "accumulated", "granularity_uS": 1.0}},
            "weight_per_pulse",
        ),
        (
            {"update": {"kind": "accumulated", "optimizer": "momentum"}},
            {"update": {"kind": "accumulated", "optimizer": "nag"}},
            "'optimizer': 'momentum'",
        ),
    ],
)
def test_a_state_that_would_be_other_weights_here_is_refused_before_anything_changes(
    saved, own, words
):
    model = model_of(**own)
    train(model, steps=1)
    before = bits(model)
    with pytest.raises(InputError, match=words):
        model.load_state_dict(model_of(**saved).state_dict(), load_rpu_config=False)
    assert same(before, bits(model))


def test_what_does_not_touch_the_weights_may_differ():
    model = model_of()
    train(model)
    other = model_of(io="default", seed=5)
    other.load_state_dict(model.state_dict(), load_rpu_config=False)
    assert same(bits(model), bits(other))
    assert not tiles_of(other)[0].rpu_config.forward.is_perfect


def test_weights_of_another_shape_are_refused():
    layer = AnalogLinear(6, 4, rpu_config=PCMConfig())
    with pytest.raises(InputError, match=r"shape \(5, 6\), this tile of \(4, 6\)"):
        nn.Sequential(layer).load_state_dict(model_of().state_dict(), strict=False)


def test_aihwkits_calls_for_inference():
    model = model_of()
    model.eval()
    for module in (model, model[0]):
        with pytest.raises(InputError, match=r"drift_analog_weights\(3600.0\): .*drifted"):
            module.drift_analog_weights(3600.0)
    with pytest.raises(InputError, match="cannot be given another configuration"):
        model.replace_rpu_config(PCMConfig(array={"weight_range": 2.0}))
    model.program_analog_weights()
    assert all(tile.counters["program_pulses"] > 0 for tile in tiles_of(model))
    with pytest.raises(InputError, match="use program"):
        model.program_analog_weights(noise_model=object())


OTHER_CONFIG = {
    "array": {"weight_range": 2.0},
    "io": {"dac_bits": 6, "bound_management": "none"},
    "update": SIXTEEN_BITS,
    "faults": {"stuck_set": 0.1},
    "device": "exp_step",
}


@pytest.mark.parametrize("io", [OTHER_CONFIG["io"], IOParameters(out_bound=7.0, inp_res=-1)])
def test_another_configuration_comes_out_of_a_file_whole(io):
    saved, other = model_of(**{**OTHER_CONFIG, "io": io}), model_of()
    train(saved)
    state = through_a_file(saved.state_dict())
    with pytest.warns(UserWarning, match=r"device .*exp_step.* instead of .*nandakumar2018"):
        other.load_state_dict(state)
    for one, read in zip(tiles_of(saved), tiles_of(other), strict=True):
        assert read.rpu_config == one.rpu_config
    for model in (saved, other):
        train(model)
    assert same(bits(saved), bits(other))


def entry(state):
    return state["0.analog_module.analog_tile_state"]


def put(state, *path_and_value):
    *path, last, value = path_and_value
    for name in path:
        state = state[name]
    state[last] = value


DEVICES = ("state_extra", "devices")


@pytest.mark.parametrize(
    "change",
    [
        # What becomes an attribute of the tile, and with it of its class's place.
        ("forward", "nothing"),
        ("_modules", {}),
        # What a kernel would take as a place in memory, or as the length of one.
        (*DEVICES, "turn", 10**9),
        (*DEVICES, "turn", -1),
        (*DEVICES, "event", -5),
        (*DEVICES, "event", 2**70),
        (*DEVICES, "g_plus", np.zeros((5, 6))),
        (*DEVICES, "g_plus", np.full((5, 6), np.nan, np.float32)),
        (*DEVICES, "_state_plus", np.zeros((1, 1), np.float32)),
        (*DEVICES, "_last_plus", "no array"),
        (*DEVICES, "stream", (1, [2], 3)),
        (*DEVICES, "stream", "seed"),
        (*DEVICES, "counters", {"updates": "many"}),
        (*DEVICES, "model", torch.zeros(3)),
        (*DEVICES, None),
        ("state_extra", "reads", "seven"),
        ("state_extra", "update_state", {"chi": np.zeros(3)}),
        ("state_extra", "update_state", "m", np.zeros((1, 1), np.uint16)),
        ("state_extra", None),
        ("analog_tile_weights", "none"),
        ("analog_tile_hidden_parameters", torch.zeros(9)),
        ("analog_lr", "fast"),
        ("mapping_scales", torch.zeros(10**6).expand(1000, 10**6)),
        ("rpu_config", {}),
        ("rpu_config", "device", {"model": "os.system"}),
        ("rpu_config", "device", torch.zeros(2)),
        ("rpu_config", "forward", {"bindings_module": "os"}),
        ("rpu_config", "forward", "bound_management", "os.system"),
        ("rpu_config", "forward", "inp_bound", [1] * 10),
        ("rpu_config", "mapping", "max_input_size", 3),
        ("rpu_config", "_io_in_weights", "yes"),
        ("rpu_config", "io_spec", 7),
        ("rpu_config", "io_spec", {"dac_bits": -1}),
        ("rpu_config", "seed", "seed"),
    ],
)
def test_a_state_of_anyone_s_is_one_error_and_changes_nothing(change):
    config = {"update": SIXTEEN_BITS}
    model = model_of(**config)
    train(model)
    state = through_a_file(model.state_dict())
    before = bits(model)
    put(entry(state), *change)
    with pytest.raises(InputError):
        model.load_state_dict(state)
    assert same(before, bits(model))
    train(model, steps=1)


def test_what_is_no_state_is_refused_where_it_is_read():
    with pytest.raises(InputError, match="a list, not a dict"):
        restored_tile_state([1])
