"""Training that writes the devices without reading them back."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch
from aihwkit.nn import AnalogLinear
from aihwkit.optim import AnalogSGD

from crossbar import PCMConfig, drifted, update_periphery
from crossbar.pair_array import mean_step_uS
from kernels.errors import InputError

N_IN, N_OUT = 12, 7
UNREFRESHED = {"refresh": {"every_updates": None}}
ADAM = {"kind": "accumulated", "optimizer": "adam", **UNREFRESHED}
PULSED = {"kind": "pulsed", **UNREFRESHED}


def linear(reads="never", **config):
    config = {"seed": 0, "update": ADAM, "read": {"during_training": reads}, **config}
    torch.manual_seed(0)
    return AnalogLinear(N_IN, N_OUT, bias=False, rpu_config=PCMConfig(**config))


def tile_of(layer):
    return layer.analog_module.tile


def train(layer, inputs, steps, lr=0.3):
    optimizer = AnalogSGD(layer.parameters(), lr=lr)
    outputs = []
    layer.train()
    for _ in range(steps):
        optimizer.zero_grad()
        outputs.append(layer(inputs))
        outputs[-1].square().mean().backward()
        optimizer.step()
    return torch.stack(outputs).detach()


@pytest.mark.parametrize("update", [PULSED, ADAM])
def test_on_ideal_devices_it_is_training_with_reads_to_the_bit(update):
    # All weights and steps are multiples of 2^-10, so that no sum is rounded.
    config = {"update": update, "device": {"model": "linear", "g_max_uS": 512.0}, "io": "perfect"}
    inputs = torch.rand(16, N_IN)
    blind, seeing = linear("never", **config), linear("each_step", **config)
    for layer in (blind, seeing):
        layer.set_weights(torch.arange(N_OUT * N_IN).view(N_OUT, N_IN) % 64 / 128 - 0.25)
    assert torch.equal(train(blind, inputs, 25), train(seeing, inputs, 25))
    assert tile_of(blind).devices.counters.pulses == tile_of(seeing).devices.counters.pulses > 50
    assert torch.equal(tile_of(blind).copy.weights, tile_of(blind).get_weights())


@pytest.mark.parametrize("update", [PULSED, ADAM])
def test_the_copy_is_the_first_read_plus_a_granularity_per_pulse(update, monkeypatch):
    fired = []
    apply = update_periphery.apply_pulses

    def recorded(pulse, pairs, counts, *others):
        fired.append(counts.astype(np.float64))
        apply(pulse, pairs, counts, *others)

    monkeypatch.setattr(update_periphery, "apply_pulses", recorded)
    layer = linear(update=update, device="nandakumar2018", faults={"stuck_reset": 0.1})
    tile = tile_of(layer)
    oracle = tile.get_weights().numpy().astype(np.float64)
    train(layer, torch.rand(16, N_IN), 25)
    devices = tile.devices
    per_pulse = mean_step_uS(devices.model, 0.5) * devices.weight_per_uS
    for counts in fired:
        oracle = np.clip(oracle + per_pulse * counts.reshape(N_OUT, N_IN), -1.0, 1.0)
    assert sum(np.abs(counts).sum() for counts in fired) > 50
    np.testing.assert_allclose(tile.copy.weights, oracle, rtol=0, atol=1e-5)
    assert np.abs(tile.get_weights() - tile.copy.weights).max() > 0.05, (
        "real devices go their own way"
    )


def test_training_computes_with_the_copy_and_evaluation_with_the_devices():
    layer = linear(device="nandakumar2018", io="perfect")
    train(layer, torch.rand(16, N_IN), 25)
    tile, x = tile_of(layer), torch.rand(5, N_IN, requires_grad=True)
    believed, real = tile.copy.weights.clone(), tile.get_weights()
    for mode, weights in ((True, believed), (False, real)):
        layer.train(mode)
        (error,) = torch.autograd.grad(layer(x).sum(), x)
        torch.testing.assert_close(layer(x), x @ weights.T)
        torch.testing.assert_close(error, torch.ones(5, N_OUT) @ weights)
    layer.train()
    with drifted(layer, 25.0):
        assert not torch.allclose(layer(x), x @ believed.T, atol=1e-3)


def test_converters_have_no_part_in_training():
    layer = linear(io={"dac_bits": 2, "adc_bits": 2})
    x = torch.rand(5, N_IN)
    torch.testing.assert_close(layer(x), x @ tile_of(layer).copy.weights.T)
    layer.eval()
    assert not torch.allclose(layer(x), x @ tile_of(layer).copy.weights.T, atol=1e-2)


def test_programming_begins_with_a_read():
    layer = linear(device="nandakumar2018")
    layer.analog_module.program(torch.rand(N_OUT, N_IN) - 0.5)
    torch.testing.assert_close(tile_of(layer).copy.weights, tile_of(layer).get_weights())


def test_a_checkpoint_carries_the_copy():
    layer, inputs = linear(device="nandakumar2018"), torch.rand(16, N_IN)
    train(layer, inputs, 10)
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    resumed = linear(device="nandakumar2018", seed=9)
    resumed.load_state_dict(torch.load(file, weights_only=False))
    others = [resumed, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))]
    outputs = train(layer, inputs, 10)
    for other in others:
        torch.testing.assert_close(train(other, inputs, 10), outputs, rtol=0, atol=0)
        assert torch.equal(tile_of(other).copy.weights, tile_of(layer).copy.weights)


@pytest.mark.parametrize(("kept", "loading"), [("never", "each_step"), ("each_step", "never")])
def test_a_checkpoint_of_the_other_kind_is_refused(kept, loading):
    with pytest.raises(InputError, match="weight_copy"):
        tile_of(linear(loading)).load_extra(tile_of(linear(kept)).dump_extra())


def test_the_copy_is_counted_as_state_of_the_update():
    held = linear(update=PULSED).analog_module.update_state_arrays()
    assert {name: array.nbytes for name, array in held.items()} == {"weight_copy": 4 * N_IN * N_OUT}
    assert linear("each_step", update=PULSED).analog_module.update_state_arrays() == {}


@pytest.mark.parametrize(
    ("update", "message"),
    [
        ({"kind": "accumulated"}, "update.refresh.every_updates: a refresh reads .* null .got 10"),
        ({"kind": "pulsed", "trains": "per_sample", **UNREFRESHED}, "update.trains: .* be summed"),
    ],
)
def test_an_update_that_needs_reads_is_refused(update, message):
    with pytest.raises(InputError, match=message):
        linear(update=update)
