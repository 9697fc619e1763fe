"""What every rule pays for a step, and what it adds: counts and prices of 784-250-10, batch 64, by hand."""

import pytest

from crossbar import ColumnCurrent
from crossbar.costs import (
    SHARED_PARTS,
    Activity,
    ArrayLimits,
    FeedbackShape,
    LayerShape,
    Method,
    constant,
    feedback_cost,
    layer_cost,
    network_cost,
    with_error_reads,
)

LAYERS = (
    LayerShape("1", 784, 250, sends_error=False),
    LayerShape("3", 250, 10, modulated=False),
)
WEIGHTS = 198_500
BATCH = 64
PRODUCTS = BATCH * WEIGHTS
ARRAYS = ArrayLimits(512, 512, adc_bits=9)
"""784 rows lie on two arrays of 392."""
ACTIVITY = Activity(pulses=0.002, refreshes=1e-4, refresh_pulses=4e-4, mean_g_uS=1.0)


def typical(name):
    return constant(name).typical


def method(name, kind, bits=8):
    update = {"kind": kind, "operand_bits": bits}
    if name in ("momentum", "nag", "rmsprop", "adam"):
        update["optimizer"] = {"name": name}
    readout = ColumnCurrent(adc_bits=8) if name == "grapes" else None
    return Method(name=name, update=update, readout=readout, factor_bits=4)


def step(name, kind, bits=8, arrays=ARRAYS):
    return network_cost(LAYERS, method(name, kind, bits), BATCH, ACTIVITY, arrays)


def test_forward_reads():
    cost = step("sgd", "pulsed")
    found = cost.operations["forward reads"]
    assert found.conversions == 64 * (2 * 250 + 10)
    assert found.driven_rows == 64 * (784 + 250)
    assert found.device_reads == 64 * 2 * WEIGHTS
    assert found.int32_adds == 64 * 250
    expected = (
        64 * 510 * 2 * 29.0  # 9 bits take twice the energy of 8
        + 64 * 1034 * 0.0042
        + 64 * 2 * WEIGHTS * 1.0 * 5.12e-3
        + 64 * 250 * 0.025
    )
    assert cost.energy_pJ["forward reads"].typical == pytest.approx(expected, rel=1e-12)
    assert cost.part_time_ns["forward reads"].typical == 64 * 130.0


def test_only_layers_that_send_an_error_are_read_backwards():
    cost = step("sgd", "pulsed")
    found = cost.operations["backward reads"]
    assert found.conversions == 64 * 250
    assert found.driven_rows == 64 * 10
    assert found.device_reads == 64 * 2 * 2500
    expected = 64 * 250 * 2 * 29.0 + 64 * 10 * 0.0042 + 64 * 2 * 2500 * 5.12e-3
    assert cost.energy_pJ["backward reads"].typical == pytest.approx(expected, rel=1e-12)
    assert (
        "backward reads"
        not in layer_cost(LAYERS[0], method("sgd", "pulsed"), BATCH, ACTIVITY, ARRAYS).energy_pJ
    )


def test_reads_of_seven_devices_draw_seven_times_the_current():
    one, seven = (
        step("sgd", "pulsed", arrays=ArrayLimits(512, 512, sharing=k)).operations["forward reads"]
        for k in (1, 7)
    )
    assert seven.device_reads == 7 * one.device_reads
    assert seven.conversions == one.conversions


@pytest.mark.parametrize(("bits", "multiplier"), [(8, 1.0), (4, 0.25), (2, 0.0625)])
def test_the_outer_product_of_whole_numbers(bits, multiplier):
    buffered = bits * 64 * (784 + 2 * 250 + 260)
    expected = (
        PRODUCTS * (multiplier * 0.054 + 0.025)
        + (PRODUCTS * 2 * bits + WEIGHTS * 32) * 1.4e-3
        + buffered * (88.2 + 81.6) * 1e-3  # written to and read from 64 KB
        + 64 * 260 * 0.996  # each error takes its sample's share of the common scale
    )
    found = step("sgd", "pulsed", bits).energy_pJ["gradient"]
    assert found.typical == pytest.approx(expected, rel=1e-12)


def test_the_outer_product_in_floating_point():
    buffered = 32 * 64 * (784 + 2 * 250 + 260)
    expected = (
        PRODUCTS * (0.996 + 0.264)
        + (PRODUCTS * 2 * 32 + WEIGHTS * 32) * 1.4e-3
        + buffered * (88.2 + 81.6) * 1e-3
    )
    cost = step("sgd", "pulsed", None)
    assert cost.energy_pJ["gradient"].typical == pytest.approx(expected, rel=1e-12)
    assert cost.operations["pulse generation"].fp32_multiplies == WEIGHTS
    modulation = step("grapes", "pulsed", None).operations["readout"]
    assert modulation.fp32_multiplies == 64 * 250
    assert modulation.int8_multiplies == 250


def test_what_sgd_adds_on_pulses():
    pulses = 0.002 * WEIGHTS
    expected = {
        "pulse generation": WEIGHTS * (0.054 + 6.5e-3) + (784 + 250) * 57.5e-3 + 2 * pulses * 0.46,
        "device pulses": pulses * 6.75,
        "refresh": 0.1 * (784 + 250) * 0.0042
        + 0.2 * WEIGHTS * (5.12e-3 + 6.5e-3)
        + 2e-4 * WEIGHTS * 27.0
        + 4e-4 * WEIGHTS * 6.75
        + 2 * (2e-4 + 4e-4) * WEIGHTS * 0.46,
    }
    cost = step("sgd", "pulsed")
    own = {part: e.typical for part, e in cost.energy_pJ.items() if part not in SHARED_PARTS}
    assert own == pytest.approx(expected, rel=1e-12)
    assert cost.own_energy_pJ.typical == pytest.approx(sum(expected.values()))
    assert cost.shared_energy_pJ.typical + cost.own_energy_pJ.typical == pytest.approx(
        cost.total_energy_pJ.typical
    )


def test_what_grapes_adds_to_sgd_is_its_readout_on_either_circuits():
    readout = (
        2 * 2 * 250 * typical("column_conversion_pJ")
        + 2 * 784 * 0.0042
        + 2 * 784 * 250 * 1.0 * 5.12e-3
        + (1000 + 250) * 0.025
        + (250 + 64 * 250) * 0.054
        + typical("fp32_divide_or_root_pJ")
        + (2 * 16 * 1000 + 4 * 250 * 65) * 1.4e-3
    )
    for kind in ("pulsed", "accumulated"):
        sgd, grapes = step("sgd", kind), step("grapes", kind)
        assert grapes.shared_energy_pJ == sgd.shared_energy_pJ
        more = grapes.total_energy_pJ.typical - sgd.total_energy_pJ.typical
        assert more == pytest.approx(readout, rel=1e-9)


@pytest.mark.parametrize("name", ["momentum", "nag", "rmsprop", "adam"])
def test_rules_on_the_same_circuits_share_all_but_what_they_add(name):
    sgd, other = step("sgd", "accumulated"), step(name, "accumulated")
    assert other.shared_energy_pJ == sgd.shared_energy_pJ
    assert set(other.energy_pJ) - set(sgd.energy_pJ) == {"optimizer"}
    assert other.own_time_ns.typical > sgd.own_time_ns.typical
    shared = {part: sgd.part_time_ns[part] for part in SHARED_PARTS}
    assert shared == {part: other.part_time_ns[part] for part in SHARED_PARTS}


def test_before_the_reads_it_is_what_it_was():
    """The update alone, as it was priced before the reads of the step were counted."""

    def update_uJ(name, kind):
        parts = step(name, kind).energy_pJ
        reads = ("forward reads", "backward reads")
        return sum(e.typical for part, e in parts.items() if part not in reads) / 1e6

    assert update_uJ("sgd", "pulsed") == pytest.approx(1.46, rel=0.02)
    assert update_uJ("sgd", "accumulated") == pytest.approx(2.20, rel=0.02)
    assert update_uJ("grapes", "accumulated") == pytest.approx(2.23, rel=0.02)


def test_time_is_part_after_part():
    cost = step("sgd", "accumulated")
    times = cost.part_time_ns
    assert times["gradient"].typical == 64 * 392
    assert times["chi"].typical == 2 * 392 * 16 / 64
    assert cost.time_ns.typical == pytest.approx(sum(one.typical for one in times.values()))


def test_errors_through_feedback_weights_take_the_place_of_backward_reads():
    direct = feedback_cost([FeedbackShape("3", 10, 250)], BATCH, ARRAYS)
    assert direct.operations.adc_bits == 9
    plain = step("sgd", "pulsed")
    found = with_error_reads(plain, direct)
    assert found.energy_pJ["backward reads"] == direct.energy_pJ
    assert found.operations["backward reads"] == direct.operations
    assert found.part_time_ns["backward reads"] == direct.time_ns
    assert found.own_energy_pJ == plain.own_energy_pJ


def test_trains_of_samples_hold_operands_of_their_word_length():
    def registers(bits):
        update = {"kind": "pulsed", "trains": "per_sample", "operand_bits": bits}
        return layer_cost(
            LAYERS[1], Method(name="sgd", update=update), BATCH, ACTIVITY, ARRAYS
        ).bits.registers

    assert registers(8) == 8 * 260 + 2 * 16
    assert registers(4) == 4 * 260 + 2 * 16
    assert registers(None) == 32 * 260 + 2 * 16
