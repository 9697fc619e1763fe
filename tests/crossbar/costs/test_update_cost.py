import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossbar import ColumnCurrent, PerDevice, Probe
from crossbar.costs import (
    Activity,
    ArrayLimits,
    LayerShape,
    Method,
    analog_storage,
    constant,
    digital_storage,
    layer_cost,
    network_cost,
)
from crossbar.costs.layer_shape import TileShape
from kernels.errors import InputError

LAYER = LayerShape("a", 784, 250)
ACTIVITY = Activity(pulses=0.002, refreshes=1e-5, refresh_pulses=1e-4, mean_g_uS=2.0)
ARRAYS = ArrayLimits(512, 512)


def pulsed(name="sgd", readout=None, **update):
    return Method(name=name, update={"kind": "pulsed", **update}, readout=readout, factor_bits=4)


def accumulated(name, readout=None, word=32, chi=16):
    rule = "sgd" if readout else name
    optimizer = {"name": rule} if rule == "sgd" else {"name": rule, "state_bits": word}
    update = {"kind": "accumulated", "accumulator_bits": chi, "optimizer": optimizer}
    return Method(name=name, update=update, readout=readout)


def cost(method, layer=LAYER, batch=64, activity=ACTIVITY, arrays=ARRAYS):
    return layer_cost(layer, method, batch, activity, arrays)


@pytest.mark.parametrize("readout", [PerDevice(adc_bits=8), ColumnCurrent(adc_bits=8), Probe()])
def test_grapes_on_pulsed_circuits_keeps_nothing(readout):
    bits = cost(pulsed("grapes", readout)).bits
    assert (bits.state, bits.accumulator) == (0, 0)
    assert bits.registers > cost(pulsed()).bits.registers


@pytest.mark.parametrize("word", [16, 32])
def test_state_is_weights_times_word_length_times_matrices(word):
    matrices = {"sgd": 0, "momentum": 1, "nag": 1, "rmsprop": 1, "adam": 2}
    for name, count in matrices.items():
        bits = cost(accumulated(name, word=word)).bits
        assert bits.state == 784 * 250 * word * count
        assert bits.accumulator == 784 * 250 * 16


def test_stale_factors_are_state():
    often = cost(pulsed("grapes", ColumnCurrent(adc_bits=8)))
    rarely = cost(pulsed("grapes", ColumnCurrent(adc_bits=8, refresh_every=10)))
    assert rarely.bits.state == 250 * 4
    assert rarely.bits.registers == often.bits.registers - 250 * 4
    assert rarely.energy_pJ["readout"].typical < often.energy_pJ["readout"].typical


def test_reads_and_conversions_are_those_of_the_circuits():
    def conversions(readout):
        return cost(pulsed("grapes", readout)).operations["readout"].conversions

    assert conversions(PerDevice(adc_bits=8)) == 784 * 250
    assert conversions(ColumnCurrent(adc_bits=8)) == 2 * 250 * 2  # two row tiles, two reads
    assert conversions(Probe(k=7, adc_bits=8)) == 7 * 250 * 2


def test_the_readout_energy_is_mostly_conversions():
    found = cost(pulsed("grapes", ColumnCurrent(adc_bits=8))).energy_pJ["readout"].typical
    converters = 1000 * constant("column_conversion_pJ").typical
    assert converters < found < 2 * converters


def test_one_adc_bit_more_doubles_a_conversion():
    seven, eight = (
        cost(pulsed("grapes", ColumnCurrent(adc_bits=bits))).energy_pJ["readout"].typical
        for bits in (7, 8)
    )
    assert 500 * constant("column_conversion_pJ").typical == pytest.approx(eight - seven)


def test_device_pulses_cost_what_was_counted():
    parts = cost(pulsed()).energy_pJ
    expected = 0.002 * 784 * 250 * constant("set_pulse_pJ").typical
    assert parts["device pulses"].typical == pytest.approx(expected)


def test_more_state_costs_more_energy_time_and_area():
    chain = [
        cost(pulsed()),
        cost(accumulated("sgd")),
        cost(accumulated("momentum")),
        cost(accumulated("adam")),
    ]
    for less, more in itertools.pairwise(chain):
        assert less.total_energy_pJ.typical < more.total_energy_pJ.typical
        assert less.area_um2.typical < more.area_um2.typical
        assert less.time_ns.typical < more.time_ns.typical


def test_pulse_trains_per_sample_need_no_gradient_unit():
    found = cost(pulsed(trains="per_sample", train_length=31))
    assert "gradient" not in found.energy_pJ
    assert found.time_ns.typical >= 64 * 31 * constant("set_pulse_ns").typical


@given(
    n_in=st.integers(1, 3000),
    n_out=st.integers(1, 3000),
    batch=st.integers(1, 512),
    pulses=st.floats(0.0, 10.0),
)
def test_ranges_are_ranges_and_counts_are_whole(n_in, n_out, batch, pulses):
    layer = LayerShape("a", n_in, n_out)
    found = cost(accumulated("grapes", Probe(adc_bits=6)), layer, batch, Activity(pulses, 0.0, 0.0))
    for interval in (*found.energy_pJ.values(), found.time_ns, found.area_um2):
        assert 0.0 <= interval.low <= interval.typical <= interval.high
    tiles = list(layer.tiles(512, 512))
    assert sum(tile.rows * tile.columns for tile in tiles) == layer.weights
    assert max(max(tile.rows, tile.columns) for tile in tiles) <= 512


def test_a_layer_that_fits_is_one_tile():
    assert list(LAYER.tiles(None, None)) == [TileShape(784, 250)]
    assert list(LAYER.tiles(512, 512)) == [TileShape(392, 250), TileShape(392, 250)]


def test_a_network_is_the_sum_of_its_layers_and_as_slow_as_its_slowest():
    layers = (LAYER, LayerShape("b", 250, 10, modulated=False))
    method = pulsed("grapes", ColumnCurrent(adc_bits=8))
    whole = network_cost(layers, method, 64, ACTIVITY, ARRAYS)
    one, two = (cost(method, layer) for layer in layers)
    assert "readout" not in two.energy_pJ
    assert whole.total_energy_pJ.typical == pytest.approx(
        one.total_energy_pJ.typical + two.total_energy_pJ.typical
    )
    assert whole.bits == one.bits + two.bits
    assert whole.time_ns == one.time_ns
    sums = {
        field.name
        for field in dataclasses.fields(one.operations["gradient"])
        if field.name not in ("adc_bits", "state_bits_per_tile")
    }
    for name in sums:
        assert getattr(whole.operations["gradient"], name) == pytest.approx(
            getattr(one.operations["gradient"], name) + getattr(two.operations["gradient"], name)
        )


def test_more_devices_take_area_and_reads_digital_matrices_take_accesses():
    few, many = (analog_storage(LAYER, pulsed(), 64, ACTIVITY, k) for k in (1, 4))
    assert many.area_um2.typical == pytest.approx(4 * few.area_um2.typical)
    assert many.energy_pJ.typical > 3 * few.energy_pJ.typical
    chi, adam = (
        digital_storage(LAYER, accumulated(name), 64, ACTIVITY) for name in ("sgd", "adam")
    )
    assert few.area_um2.typical < chi.area_um2.typical < adam.area_um2.typical
    assert few.energy_pJ.typical < chi.energy_pJ.typical < adam.energy_pJ.typical


@pytest.mark.parametrize(
    "values",
    [
        {"name": "grapes", "update": {"kind": "pulsed"}},
        {"name": "sgd", "update": {"kind": "pulsed"}, "readout": ColumnCurrent()},
        {"name": "adam", "update": {"kind": "pulsed"}},
        {"name": "adam", "update": {"kind": "accumulated", "optimizer": "momentum"}},
    ],
)
def test_methods_that_no_circuit_runs_are_refused(values):
    with pytest.raises(InputError):
        Method.of(values)


def test_activity_is_per_weight_and_update():
    counters = [
        {"updates": 10, "pulses": 400, "refreshes": 2, "refresh_pulses": 8},
        {"updates": 10, "pulses": 600, "refreshes": 0, "refresh_pulses": 0},
    ]
    found = Activity.measured(counters, weights=1000, mean_g_uS=3.0)
    assert found == Activity(0.1, 2e-4, 8e-4, 3.0)
