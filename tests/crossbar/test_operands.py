"""Inputs and errors at a word length: levels, sums and updates against exact rational arithmetic."""

import pickle
from fractions import Fraction

import numpy as np
import pytest
import torch
from aihwkit.nn import AnalogConv2d, AnalogLinear
from aihwkit.optim import AnalogSGD
from hypothesis import given
from hypothesis import strategies as st

from crossbar import PCMConfig
from crossbar.operands import levels_per_side, outer_product, quantised
from crossbar.specs import AccumulatedSpec, PulsedSpec
from imc_grapes import Grapes
from kernels.errors import InputError

N_IN, N_OUT = 12, 7
UNREFRESHED = {"refresh": {"every_updates": None}}
SUMMED = {"kind": "pulsed", **UNREFRESHED}
TRAINS = {"kind": "pulsed", "trains": "per_sample", **UNREFRESHED}
CHI = {"kind": "accumulated", "optimizer": "momentum", **UNREFRESHED}


def exact_levels(vector, bits):
    """Whole numbers by exact fractions, ties to even; and the magnitude of the largest."""
    values = [Fraction(float(value)) for value in vector]
    scale = max(map(abs, values))
    side = 2 ** (bits - 1) - 1
    return [round(value / scale * side) if scale else 0 for value in values], scale


def exact_outer_product(x, d, bits):
    inputs, errors = ([exact_levels(v, bits) for v in vectors] for vectors in (x, d))
    scales = [a[1] * b[1] for a, b in zip(inputs, errors, strict=True)]
    largest = max(scales)
    found = np.zeros((d.shape[1], x.shape[1]), object)
    for (xs, _), (ds, _), scale in zip(inputs, errors, scales, strict=True):
        shared = [round(level * scale / largest) if largest else 0 for level in ds]
        found += np.outer(shared, xs)
    return found, float(largest) / (2 ** (bits - 1) - 1) ** 2


def vectors(batch, size, seed):
    numbers = torch.Generator().manual_seed(seed)
    found = torch.randn(batch, size, generator=numbers)
    found[torch.rand(batch, size, generator=numbers) < 0.3] = 0.0
    # Samples that are nearly learned send errors a thousand times smaller.
    return found * 10.0 ** torch.randint(-3, 2, (batch, 1), generator=numbers)


@given(batch=st.integers(1, 9), bits=st.integers(2, 8), seed=st.integers(0, 2**32 - 1))
def test_the_sum_is_that_of_exact_arithmetic(batch, bits, seed):
    x, d = vectors(batch, 11, seed), vectors(batch, 5, seed + 1)
    whole, unit = exact_outer_product(x, d, bits)
    found = outer_product(x, d, bits)
    assert found.dtype == torch.float32
    np.testing.assert_array_equal(found, (whole.astype(np.float64) * unit).astype(np.float32))


def test_by_hand():
    """2 bits: -1, 0, 1. The second sample's products are half as large: 0.5 rounds to 0, as the even one."""
    x = torch.tensor([[1.0, -0.6, 0.4], [0.5, 0.5, 0.0]])
    d = torch.tensor([[2.0, -0.9], [2.0, 2.0]])
    assert outer_product(x, d, 2).tolist() == [[2.0, -2.0, 0.0], [0.0, 0.0, 0.0]]
    d[1] *= 1.5
    assert outer_product(x, d, 2).tolist() == [[4.0, 0.0, 0.0], [2.0, 2.0, 0.0]]


def test_large_sums_are_exact_too():
    """5,000 products of the largest levels are beyond the whole numbers of float32."""
    x, d = torch.ones(5000, 3), torch.ones(5000, 2)
    x[0, 1] = d[0, 1] = 1.0 / 127.0
    unit = 1.0 / 127.0**2
    expected = np.outer([5000 * 127, 4999 * 127 + 1], [1, 1, 1]) * 127.0
    expected[:, 1] = [(4999 * 127 + 1) * 127.0, 4999 * 127 * 127.0 + 1]
    np.testing.assert_array_equal(outer_product(x, d, 8), (expected * unit).astype(np.float32))


def test_vectors_keep_their_own_scale():
    x = torch.tensor([[1.0, 0.5, 0.0], [1e-6, -1e-6, 3e-7], [0.0, 0.0, 0.0]])
    side = levels_per_side(4)
    expected = torch.tensor([[1.0, 4.0 / side, 0.0], [1e-6, -1e-6, 2e-6 / side], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(quantised(x, 4), expected, rtol=1e-6, atol=0.0)


def test_nothing_to_do_is_nothing():
    nothing = outer_product(torch.zeros(4, 3), torch.ones(4, 2), 8)
    assert torch.equal(nothing, torch.zeros(2, 3))


def linear(update, seed=0, **config):
    torch.manual_seed(0)
    return AnalogLinear(
        N_IN, N_OUT, bias=False, rpu_config=PCMConfig(update=update, seed=seed, **config)
    )


def tile_of(layer):
    return layer.analog_module.tile


def train(layer, steps, start=0):
    optimizer = AnalogSGD(layer.parameters(), lr=0.3)
    layer.train()
    for step in range(start, start + steps):
        inputs = vectors(16, N_IN, step)
        optimizer.zero_grad()
        (layer(inputs) - 0.3).square().mean().backward()
        optimizer.step()


def conductances(layer):
    devices = tile_of(layer).devices
    return np.stack([devices.g_plus, devices.g_minus])


@pytest.mark.parametrize("update", [SUMMED, TRAINS, CHI])
def test_word_length_reaches_the_devices_and_repeats(update):
    found = []
    for bits in (None, 4, 4):
        layer = linear({**update, "operand_bits": bits})
        train(layer, 10)
        found.append(conductances(layer))
    assert np.array_equal(found[1], found[2])
    assert not np.array_equal(found[0], found[1])


def test_an_update_is_that_of_the_quantised_outer_product():
    """chi on a device that does not saturate holds the sum to half a step of its word."""
    layer = linear({"kind": "accumulated", "operand_bits": 5, **UNREFRESHED}, device="linear")
    tile = tile_of(layer)
    x, d = vectors(16, N_IN, 1) * 0.01, vectors(16, N_OUT, 2) * 1e-4
    tile.set_learning_rate(200.0)
    tile.update(x, d)
    whole, unit = exact_outer_product(x, d, 5)
    periphery = tile.periphery
    expected = -200.0 * whole.astype(np.float64) * unit / periphery._weight_per_pulse
    chi = periphery.state_arrays()["chi"] / periphery._full
    assert tile.devices.counters.pulses == 0
    assert np.abs(expected).max() > 100 / periphery._full
    np.testing.assert_allclose(chi, expected, rtol=0, atol=1.0 / periphery._full)


def test_trains_see_levels_only():
    """Values that round to the same levels send the same trains."""
    x, d = vectors(8, N_IN, 1), vectors(8, N_OUT, 2)
    found = []
    for inputs, errors in ((x, d), (quantised(x, 4), quantised(d, 4))):
        layer = linear({**TRAINS, "operand_bits": 4})
        tile_of(layer).set_learning_rate(0.3)
        tile_of(layer).update(inputs, errors)
        found.append(conductances(layer))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("update", [SUMMED, TRAINS, CHI])
def test_a_checkpoint_goes_on_bit_for_bit(update):
    config = {"array": {"devices_per_polarity": 3}}
    whole = linear({**update, "operand_bits": 6}, **config)
    train(whole, 8)
    first = linear({**update, "operand_bits": 6}, **config)
    train(first, 5)
    second = linear({**update, "operand_bits": 6}, seed=9, **config)
    second.load_state_dict(pickle.loads(pickle.dumps(first.state_dict())))
    train(second, 3, start=5)
    np.testing.assert_array_equal(conductances(whole), conductances(second))


@pytest.mark.parametrize("update", [SUMMED, CHI])
def test_devices_that_are_never_read(update):
    """On ideal devices, the copy stays what the devices are."""
    layer = linear(
        {**update, "operand_bits": 8},
        read={"during_training": "never"},
        device={"model": "linear", "g_max_uS": 512.0},
        io="perfect",
    )
    layer.set_weights(torch.arange(N_OUT * N_IN).view(N_OUT, N_IN) % 64 / 128 - 0.25)
    train(layer, 10)
    tile = tile_of(layer)
    assert tile.devices.counters.pulses > 50
    assert torch.equal(tile.copy.weights, tile.get_weights())


def test_with_grapes_the_modulated_error_is_quantised(monkeypatch):
    from crossbar import update_periphery

    seen = []

    def recorded(x, d, bits):
        seen.append((d.clone(), bits))
        return outer_product(x, d, bits)

    monkeypatch.setattr(update_periphery, "outer_product", recorded)
    plain_errors = []
    for modulated in (False, True):
        config = PCMConfig(update={"kind": "accumulated", "operand_bits": 8}, seed=0)
        torch.manual_seed(0)
        model = torch.nn.Sequential(
            AnalogLinear(N_IN, N_OUT, bias=False, rpu_config=config),
            AnalogLinear(N_OUT, 3, bias=False, rpu_config=config),
        )
        grapes = Grapes(model, "local") if modulated else None
        if grapes:
            factors = next(iter(grapes.factors().values())).clone()
        seen.clear()
        train(model, 1)
        plain_errors.append(seen[0][0])
        assert [bits for _, bits in seen] == [8, 8]
    torch.testing.assert_close(plain_errors[1], plain_errors[0] * factors)


def test_a_convolution_quantises_every_position():
    torch.manual_seed(0)
    layer = AnalogConv2d(
        2, 3, 3, bias=False, rpu_config=PCMConfig(update={"kind": "pulsed", "operand_bits": 8})
    )
    optimizer = AnalogSGD(layer.parameters(), lr=0.5)
    layer(torch.randn(4, 2, 6, 6)).square().mean().backward()
    optimizer.step()
    assert layer.analog_module.counters["pulses"] > 0


@pytest.mark.parametrize("spec", [PulsedSpec, AccumulatedSpec])
@pytest.mark.parametrize("bits", [1, 9, 8.5])
def test_other_word_lengths_are_refused(spec, bits):
    with pytest.raises(InputError, match="operand_bits"):
        spec.of({"operand_bits": bits})
