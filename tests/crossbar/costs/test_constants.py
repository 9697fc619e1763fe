from importlib.resources import files

import pytest
import yaml

from crossbar.costs import (
    HERMES_MVM_PJ,
    Constant,
    Interval,
    constant,
    core_mvm_pJ,
    load_constants,
    prices,
    scaled_constants,
)
from crossbar.costs.constants import sram_fJ_per_bit
from kernels.errors import InputError

ENTRIES = yaml.safe_load(files("crossbar.costs").joinpath("constants.yaml").read_text("utf-8"))


def is_accounted_for(entry):
    source = entry.get("source", "")
    return bool(source) and ("assumption" in source or any(mark in source for mark in MARKS))


MARKS = ("quoted", "computed", "doi ", "Aladdin", "as ")


@pytest.mark.parametrize("name", ENTRIES)
def test_every_constant_has_a_source_or_is_called_an_assumption(name):
    assert is_accounted_for(ENTRIES[name])


def test_an_entry_without_either_would_be_found():
    assert not is_accounted_for({"low": 1.0, "typical": 1.0, "high": 1.0, "unit": "pJ"})
    assert not is_accounted_for({"source": "somewhere"})
    with pytest.raises(InputError, match="source"):
        Constant.of({"low": 1.0, "typical": 1.0, "high": 1.0, "unit": "pJ"})


@pytest.mark.parametrize("name", ENTRIES)
def test_as_another_constant_names_one_that_is_there(name):
    source = ENTRIES[name]["source"]
    if source.startswith("as "):
        assert source.split()[1].rstrip(";,") in ENTRIES


@pytest.mark.parametrize("name", ENTRIES)
def test_the_unit_is_in_the_name(name):
    unit = load_constants()[name].unit
    assert name.endswith(unit.replace("/bit", "").replace("/", "_per_").replace("bit", "bits"))


def test_low_and_high_enclose_typical():
    with pytest.raises(InputError, match="between"):
        Constant.of({"low": 2.0, "typical": 1.0, "high": 3.0, "unit": "pJ", "source": "assumption"})


def test_the_model_of_a_core_encloses_the_published_product():
    model = core_mvm_pJ()
    assert model.low < HERMES_MVM_PJ < model.high
    assert model.typical == pytest.approx(HERMES_MVM_PJ, rel=0.25)


def test_a_larger_memory_costs_more_per_bit_up_to_a_bank():
    energies = [sram_fJ_per_bit("read", kb * 8192).typical for kb in (1, 8, 20, 64, 300, 1024, 1e6)]
    assert energies[0] == energies[1] == pytest.approx(43.7)
    assert energies[1] < energies[2] < energies[3] < energies[4] < energies[5]
    assert energies[3] == pytest.approx(88.2)
    assert energies[5] == energies[6] == pytest.approx(209.0)


def entry(name, **values):
    """One constant as a user's file has it."""
    typical = {"low": 1.0, "typical": 2.0, "high": 3.0, "unit": load_constants()[name].unit}
    return {name: {**typical, "source": "measured here", **values}}


def test_own_constants_replace_those_of_the_file_inside_the_block_alone():
    before = constant("set_pulse_pJ")
    with prices(entry("set_pulse_pJ")):
        assert constant("set_pulse_pJ") == Interval(1.0, 2.0, 3.0)
        assert constant("reset_pulse_pJ") == load_constants()["reset_pulse_pJ"].interval
    assert constant("set_pulse_pJ") == before


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"set_puls_pJ": {}}, "set_puls_pJ: no such constant; did you mean set_pulse_pJ"),
        (entry("clock_ns", source=" "), "clock_ns: source: .*where the values are from"),
        ({"clock_ns": {"low": 1, "typical": 1, "high": 1, "unit": "ns"}}, "clock_ns: source: "),
        (entry("clock_ns", unit="us"), "clock_ns: unit: must be ns"),
        (entry("clock_ns", typical=0.5), "clock_ns: .*not between"),
        ({"clock_ns": 1.0}, "clock_ns: must be a mapping"),
    ],
)
def test_a_constant_that_says_too_little_is_refused(values, says):
    with pytest.raises(InputError, match=says), prices(values):
        pass


@pytest.mark.parametrize(
    ("node_nm", "factor"), [(14, 1.0), (None, 1.0), (7, 1 / 1.47), (22, 1 / 0.472), (65, 1 / 0.112)]
)
def test_another_node_scales_the_energies_of_digital_circuits_and_nothing_else(node_nm, factor):
    with prices(node_nm=node_nm):
        scaled = {
            name: constant(name).typical / one.typical for name, one in load_constants().items()
        }
    left = {name for name, found in scaled.items() if found == 1.0}
    assert set(scaled_constants()) >= {"int8_multiply_pJ", "sram_read_8KB_fJ", "lfsr_step_fJ"}
    assert all(scaled[name] == pytest.approx(factor) for name in scaled_constants())
    assert left >= {"set_pulse_pJ", "column_conversion_pJ", "clock_ns", "sram_area_um2"}
    assert factor == 1.0 or left.isdisjoint(scaled_constants())


def test_a_node_without_a_published_factor_is_refused_and_own_values_are_not_scaled():
    with (
        pytest.raises(InputError, match="must be one of 7, 14, 22, 32, 40, 45, 65"),
        prices(None, 10),
    ):
        pass
    with prices(entry("register_fJ"), 7):
        assert constant("register_fJ").typical == 2.0
