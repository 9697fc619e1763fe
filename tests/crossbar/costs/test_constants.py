from importlib.resources import files

import pytest
import yaml

from crossbar.costs import HERMES_MVM_PJ, Constant, core_mvm_pJ, load_constants
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
