"""What a second array of devices costs: counts and prices of 784 x 250 on two arrays of 392 rows, by hand."""

import pytest

from crossbar.costs import Activity, ArrayLimits, LayerShape, Method, constant, layer_cost

LAYER = LayerShape("a", 784, 250)
WEIGHTS = 784 * 250
BATCH = 64
ARRAYS = ArrayLimits(512, 512, sharing=3, adc_bits=9)
ACTIVITY = Activity(0.004, 1e-4, 4e-4, mean_g_uS=1.0, transfer_pulses=0.001)
READS = 0.5
"""Columns that a tile has read per update below."""


def cost(kind="tiki_taka", activity=ACTIVITY, **update):
    given = {"kind": kind, "operand_bits": 8, **update}
    if kind != "pulsed":
        given |= {"transfer_every": 4, "n_reads_per_transfer": 2}
    return layer_cost(LAYER, Method(name="sgd", update=given), BATCH, activity, ARRAYS)


def typical(name):
    return constant(name).typical


def test_tiki_taka_keeps_no_bits_but_as_many_devices_again():
    found, plain = cost(), cost("pulsed")
    assert (found.bits.state, found.bits.accumulator) == (0, 0)
    assert found.added_devices == 2 * 3 * WEIGHTS
    assert plain.added_devices == 0
    assert found.bits.registers - plain.bits.registers == 32 * 2 * 250
    # The rate of the transfers of each tile.
    assert found.bits.tables - plain.bits.tables == 2 * 32
    added = found.area_um2.typical - plain.area_um2.typical
    memory = 32 * 500 * typical("register_area_um2") + 64 * typical("sram_area_um2")
    devices = 6 * WEIGHTS * typical("device_area_um2")
    assert added == pytest.approx(memory + devices)


def test_ttv2_keeps_h():
    assert cost("ttv2").bits.state == 32 * WEIGHTS
    assert cost("ttv2").added_devices == 2 * 3 * WEIGHTS


def test_a_transfer_reads_columns_through_converters_and_rounds_what_it_finds():
    found = cost().operations["transfer"]
    assert found.driven_rows == 2 * READS
    assert found.conversions == 2 * READS * 250
    assert found.device_reads == 2 * READS * 250 * 6
    assert found.adc_bits == 9
    assert found.fp32_multiplies == found.stochastic_bits == 2 * READS * 250
    assert found.lfsr_steps == 2 * READS
    assert found.state_bits_read == found.fp32_adds == 0.0
    expected = (
        250 * 2 * 29.0  # 9 bits take twice the energy of 8
        + 1 * 0.0042
        + 1500 * 1.0 * 5.12e-3
        + 250 * typical("fp32_multiply_pJ")
        + 250e-3 * typical("stochastic_bit_fJ")
        + 1e-3 * typical("lfsr_step_fJ")
    )
    assert cost().energy_pJ["transfer"].typical == pytest.approx(expected)


def test_a_transfer_of_ttv2_reads_and_writes_its_words_of_h():
    found = cost("ttv2").operations["transfer"]
    numbers = 2 * READS * 250
    assert found.conversions == found.fp32_adds == found.stochastic_bits == numbers
    assert found.state_bits_read == found.state_bits_written == 32 * numbers
    assert found.state_bits_per_tile == 32 * 392 * 250
    assert found.lfsr_steps == 0.0


def test_pulses_of_both_arrays_are_paid_and_both_are_checked_for_refresh():
    found, plain = cost(), cost("pulsed")
    pulses = found.operations["device pulses"]
    assert pulses.set_pulses == 0.004 * WEIGHTS == plain.operations["device pulses"].set_pulses
    one, both = (each.operations["refresh"] for each in (plain, found))
    assert both.driven_rows == 2 * one.driven_rows == 2 * 784 / 10
    assert both.device_reads == 2 * one.device_reads
    assert both.set_pulses == one.set_pulses == pytest.approx(4e-4 * WEIGHTS)


def test_products_that_see_the_second_array_read_it_too():
    assert "forward reads of A" not in cost().operations
    seen = cost(gamma=0.1)
    for part in ("forward reads", "backward reads"):
        assert seen.operations[f"{part} of A"] == seen.operations[part]
        assert f"{part} of A" not in seen.part_time_ns
    added = seen.own_energy_pJ.typical - cost().own_energy_pJ.typical
    assert added == pytest.approx(
        seen.shared_energy_pJ.typical - seen.energy_pJ["gradient"].typical
    )


def test_time_of_a_transfer():
    clock, read = typical("clock_ns"), typical("array_read_ns")
    assert cost().part_time_ns["transfer"].typical == pytest.approx(READS * (read + clock))
    moved = 2 * 32 * READS
    expected = READS * (read + clock) + moved / typical("sram_port_bits") * clock
    assert cost("ttv2").part_time_ns["transfer"].typical == pytest.approx(expected)


def test_pulses_of_a_transfer_fall_on_the_rows_that_were_read():
    slot = typical("set_pulse_ns")
    none = Activity(0.0, 0.0, 0.0, mean_g_uS=1.0)
    # 3 pulses for each weight of the 0.5 columns that a tile of 392 rows has read.
    all_of_them = 3 * READS / 392
    only_transfers = Activity(all_of_them, 0.0, 0.0, mean_g_uS=1.0, transfer_pulses=all_of_them)
    assert cost(activity=none).part_time_ns["device pulses"].typical == 0.0
    found = cost(activity=only_transfers).part_time_ns["device pulses"].typical
    assert found == pytest.approx(3 * READS * slot)
    trains = cost(activity=only_transfers, trains="per_sample", train_length=10)
    expected = (BATCH * 10 + 3 * READS) * slot
    assert trains.part_time_ns["device pulses"].typical == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["tiki_taka", "ttv2"])
def test_parts_add_up(kind):
    found = cost(kind)
    assert {*found.energy_pJ} - {*cost("pulsed").energy_pJ} == {"transfer"}
    assert found.total_energy_pJ.typical == pytest.approx(
        sum(part.typical for part in found.energy_pJ.values())
    )
