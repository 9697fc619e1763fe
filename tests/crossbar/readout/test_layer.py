from itertools import pairwise

import numpy as np
import pytest
import torch
from aihwkit.nn import AnalogConv2d, AnalogLinear
from aihwkit.simulator.presets import PCMPreset, StandardHWATrainingPreset
from pydantic import TypeAdapter, ValidationError

from crossbar import ColumnCurrent, PCMConfig, PerDevice, Probe, conductances
from crossbar.importance import column_importance
from crossbar.placement import placed_tiles
from crossbar.readout import ReadoutSpec
from crossbar.readout.layer import count_readout, read_importance
from crossbar.readout.tile_pairs import layer_pairs
from imc_grapes import to_crossbar
from kernels.oracles.importance import modulation_factors

SPLITS = [{}, {"rows": 7, "columns": 4}, {"rows": 512, "columns": 3}]


def pcm_layer(n_in=20, n_out=9, array=None, sharing=1, device="linear", seed=0):
    torch.manual_seed(seed)
    config = PCMConfig(
        device=device,
        io="perfect",
        array={**(array or {}), "devices_per_polarity": sharing},
        seed=seed,
    )
    layer = AnalogLinear(n_in, n_out, bias=False, rpu_config=config)
    scale = torch.linspace(0.1, 0.6, n_out)[:, None]
    layer.set_weights(scale * torch.randn(n_out, n_in).clamp(-1.6, 1.6))
    return layer


def truth(layer):
    """``sum |G+ - G-|`` in float64, in units of the weights."""
    found = np.zeros(layer.analog_module.out_size)
    for placed in placed_tiles(layer):
        for pair in conductances(placed.tile):
            plus, minus = (
                g.astype(np.float64).reshape(-1, *g.shape[-2:]).sum(0)
                for g in (pair.g_plus, pair.g_minus)
            )
            unit = getattr(getattr(placed.tile.tile, "devices", None), "weight_per_uS", 1.0)
            found[placed.columns] += np.abs(plus - minus).sum(1) * unit
    return found


@pytest.mark.parametrize("array", SPLITS)
@pytest.mark.parametrize("sharing", [1, 3])
@pytest.mark.parametrize("readout", [PerDevice(sum_bits=32), ColumnCurrent()])
def test_without_converters_fresh_pairs_are_read_exactly(readout, array, sharing):
    layer = pcm_layer(array=array, sharing=sharing)
    np.testing.assert_allclose(read_importance(layer, readout), truth(layer), rtol=1e-4)


def test_column_current_takes_the_reset_floor_off():
    layer = pcm_layer(device="nandakumar2018")
    floor = layer.analog_module.tile.devices.model.g_min_uS
    assert floor > 0.0
    np.testing.assert_allclose(read_importance(layer, ColumnCurrent()), truth(layer), rtol=1e-3)


def test_column_current_sees_the_common_mode_and_the_others_do_not():
    layer = pcm_layer(n_in=400)
    before = {r: read_importance(layer, r) for r in (PerDevice(adc_bits=12), Probe(k=64))}
    tile = layer.analog_module
    common = 2.0
    tile.g_plus[...] += common
    tile.g_minus[...] += common
    devices = tile.tile.devices
    expected = truth(layer) + 2 * common * 400 * devices.weight_per_uS
    np.testing.assert_allclose(read_importance(layer, ColumnCurrent()), expected, rtol=1e-4)
    for readout, values in before.items():
        np.testing.assert_allclose(read_importance(layer, readout), values, rtol=1e-3)


@pytest.mark.parametrize("readout", [PerDevice, ColumnCurrent, Probe])
def test_more_bits_come_closer(readout):
    layer = pcm_layer(n_in=300, n_out=40)
    ideal = read_importance(layer, readout(read_noise=0.0))
    errors = [
        np.abs(read_importance(layer, readout(adc_bits=bits)) - ideal).max() / ideal.max()
        for bits in (4, 8, 12)
    ]
    assert errors[0] > 2 * errors[1] > 4 * errors[2]
    assert errors[2] < 2e-3


def test_the_sum_over_row_tiles_is_rounded_to_its_word_length():
    layer = pcm_layer(array={"rows": 5})
    exact = read_importance(layer, ColumnCurrent())
    errors = {
        bits: np.abs(read_importance(layer, ColumnCurrent(sum_bits=bits)) - exact).max()
        for bits in (4, 8, 16)
    }
    assert errors[4] > errors[8] > errors[16] > 0.0
    assert errors[8] < exact.max() * 4 * 2**-8 * 4


def test_probe_converges_to_the_norm_at_the_rate_of_the_square_root_of_k():
    layer = pcm_layer(n_in=256, n_out=64)
    weights = layer.get_weights()[0].double().numpy()
    limit = np.linalg.norm(weights, axis=1)

    def error(k):
        deviations = [read_importance(layer, Probe(k=k), draw) / limit - 1.0 for draw in range(20)]
        return np.sqrt(np.mean(np.square(deviations)))

    errors = {k: error(k) for k in (16, 64, 256, 1024)}
    for k, found in errors.items():
        assert found == pytest.approx(np.sqrt((np.pi / 2 - 1) / k), rel=0.15)


def test_factors_from_probe_converge_to_their_limit_at_that_rate_too():
    layer = pcm_layer(n_in=256, n_out=64)
    norms = np.linalg.norm(layer.get_weights()[0].double().numpy(), axis=1)
    limit = modulation_factors(norms)

    def error(k):
        found = [modulation_factors(read_importance(layer, Probe(k=k), draw)) for draw in range(20)]
        return np.sqrt(np.mean(np.square(np.array(found) - limit)))

    errors = [error(k) for k in (64, 256, 1024, 4096)]
    for k, four_k in pairwise(errors):
        assert k / four_k == pytest.approx(2.0, rel=0.2)


def test_probe_adds_the_responses_of_row_tiles_before_it_takes_their_magnitude():
    layer = pcm_layer(n_in=256, n_out=32, array={"rows": 64})
    limit = np.linalg.norm(layer.get_weights()[0].double().numpy(), axis=1)
    np.testing.assert_allclose(read_importance(layer, Probe(k=4096)), limit, rtol=0.06)


@pytest.mark.parametrize(
    "readout", [PerDevice(read_noise=0.1), ColumnCurrent(read_noise=0.1), Probe(read_noise=0.1)]
)
def test_noise_is_fixed_by_the_number_of_the_reading(readout):
    layer = pcm_layer()
    first = read_importance(layer, readout, draw=3)
    np.testing.assert_array_equal(read_importance(layer, readout, draw=3), first)
    assert (read_importance(layer, readout, draw=4) != first).all()


def test_read_noise_of_a_column_is_that_of_its_devices():
    layer = pcm_layer(n_in=200, n_out=5)
    tile = layer.analog_module
    spread = 0.2 * np.sqrt(
        np.square(tile.g_plus.astype(np.float64)).sum(1)
        + np.square(tile.g_minus.astype(np.float64)).sum(1)
    )
    found = [read_importance(layer, ColumnCurrent(read_noise=0.2), draw) for draw in range(400)]
    expected = spread * tile.tile.devices.weight_per_uS
    np.testing.assert_allclose(np.std(found, axis=0), expected, rtol=0.15)


@pytest.mark.parametrize("readout", [PerDevice(adc_bits=12), ColumnCurrent(adc_bits=12)])
def test_aihwkits_pairs_are_read_through_their_conductances(readout):
    torch.manual_seed(0)
    layer = AnalogLinear(40, 6, bias=False, rpu_config=PCMPreset())
    layer.set_weights(torch.linspace(0.05, 0.5, 6)[:, None] * torch.randn(6, 40))
    (pair,) = conductances(layer)
    total = (pair.g_plus + pair.g_minus).astype(np.float64).sum(1)
    expected = truth(layer) if readout.kind == "per_device" else total
    found = read_importance(layer, readout, name="a")
    assert np.corrcoef(found, expected)[0, 1] > 0.999


def test_convolutions_and_hardware_aware_tiles_are_read_too():
    torch.manual_seed(0)
    layer = AnalogConv2d(2, 9, 3, bias=False, rpu_config=StandardHWATrainingPreset())
    np.testing.assert_allclose(
        read_importance(layer, ColumnCurrent()), column_importance(layer), rtol=1e-4
    )


def test_readings_are_counted_per_tile():
    layer = pcm_layer(array={"rows": 7})
    count_readout(layer)
    assert [placed.tile.counters["readouts"] for placed in placed_tiles(layer)] == [1, 1, 1]


def test_broken_conductances_come_out_as_nan():
    layer = pcm_layer()
    layer.analog_module.g_plus[2, 3] = np.nan
    for readout in (PerDevice(adc_bits=8), ColumnCurrent(adc_bits=8), Probe(adc_bits=8)):
        assert np.isnan(read_importance(layer, readout)[2])


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"kind": "nothing"}, "kind"),
        ({"kind": "column_current", "k": 4}, "k"),
        ({"kind": "probe", "k": 0}, "k"),
        ({"kind": "column_current", "adc_bits": 1}, "adc_bits"),
        ({"kind": "column_current", "adc_range": 0.5}, "adc_range"),
        ({"kind": "per_device", "read_noise": -0.1}, "read_noise"),
        ({"kind": "per_device", "refresh_every": 0}, "refresh_every"),
    ],
)
def test_impossible_readouts_are_refused(values, complaint):
    with pytest.raises(ValidationError, match=complaint):
        TypeAdapter(ReadoutSpec).validate_python(values)


def test_only_the_ideal_read_of_every_device_is_exact():
    assert PerDevice().is_exact
    assert not PerDevice(adc_bits=8).is_exact
    assert not PerDevice(refresh_every=2).is_exact
    assert not ColumnCurrent().is_exact
    assert Probe().is_random
    assert not ColumnCurrent(adc_bits=8).is_random


def layer_on_arrays(array, sharing=1, scale="array"):
    torch.manual_seed(0)
    digital = torch.nn.Linear(20, 9, bias=False)
    config = PCMConfig(
        update="software",
        array={**array, "devices_per_polarity": sharing, "scale": scale},
        seed=0,
    )
    return to_crossbar(torch.nn.Sequential(digital), config)[0]


@pytest.mark.parametrize("array", SPLITS)
@pytest.mark.parametrize("sharing", [1, 3])
@pytest.mark.parametrize("scale", ["array", "column"])
@pytest.mark.parametrize("readout", [PerDevice(sum_bits=32), ColumnCurrent()])
def test_of_weights_trained_in_software_the_targets_are_read(readout, array, sharing, scale):
    layer = layer_on_arrays(array, sharing, scale)
    want = layer.weight.detach().abs().sum(1)
    np.testing.assert_allclose(read_importance(layer, readout), want, rtol=1e-4)


def test_their_pairs_are_those_that_they_would_be_programmed_to():
    layer = layer_on_arrays({"rows": 7, "columns": 4}, sharing=2)
    matrix = layer.weight.detach().numpy()
    tiles = list(layer_pairs(layer, "0"))
    assert len(tiles) == 9
    assert len({pairs.stream for pairs in tiles}) == 9
    for pairs in tiles:
        part = matrix[pairs.columns, pairs.rows]
        assert pairs.g_plus.shape == (2, *part.shape)
        assert max(pairs.g_plus.max(), pairs.g_minus.max()) == pytest.approx(25.0)
        difference = pairs.g_plus.sum(0) - pairs.g_minus.sum(0)
        found = difference * pairs.weight_per_unit * pairs.scales[:, None]
        np.testing.assert_allclose(found, part, rtol=1e-5, atol=1e-7)


def test_groups_of_a_convolution_trained_in_software():
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(4, 6, 3, groups=2)
    config = PCMConfig(update="software", array={"rows": 10, "columns": 2}, seed=0)
    layer = to_crossbar(torch.nn.Sequential(conv), config)[0]
    want = conv.weight.detach().abs().sum((1, 2, 3))
    np.testing.assert_allclose(read_importance(layer, ColumnCurrent()), want, rtol=1e-4)
