"""What a run says of the energy of its training step, against the footprint's own path."""

import pytest

from crossbar.costs import Activity, LayerShape, Method, layer_cost, network_cost
from crossbar.costs.operations import ArrayLimits
from crossbar.readout import ColumnCurrent
from crossbar.specs import AccumulatedSpec
from imc_grapes import run_experiment
from imc_grapes.config import parse_run_config
from imc_grapes.config.yaml_file import parse_yaml
from imc_grapes.data.load import load_dataset
from imc_grapes.experiment.footprint.host import measure_method

TEXT = """
name: x
data: {{name: digits, batch_size: 16, train_samples: 160, test_samples: 20, validation_fraction: 0.0}}
network: {{kind: mlp, hidden: [8, 6]}}
hardware: {hardware}
training: {{epochs: 1, optimizer: {{name: {rule}, lr: 0.02}}, grapes: {grapes}}}
evaluation: {{times_s: [25], repeats: 1}}
"""
ACCUMULATED = "{tile: pcm, update: {kind: accumulated}, io: {perfect: true}}"
GRAPES = "{mode: propagating, readout: {kind: column_current, adc_bits: 8}, factor_bits: 4}"


def config(rule, hardware=ACCUMULATED, grapes="{mode: none}"):
    return parse_run_config(
        parse_yaml(TEXT.format(rule=rule, hardware=hardware, grapes=grapes), "x.yaml")
    )


@pytest.mark.parametrize(("rule", "grapes"), [("adam", "{mode: none}"), ("scale", GRAPES)])
def test_a_run_prices_the_step_that_its_own_counters_say(rule, grapes):
    chosen = config(rule, grapes=grapes)
    host = measure_method(chosen, load_dataset(chosen.data, 0), updates=10)
    update = AccumulatedSpec.of({"optimizer": rule})
    readout = {"readout": ColumnCurrent(adc_bits=8), "factor_bits": 4} if grapes == GRAPES else {}
    method = Method(name="grapes" if readout else rule, update=update, **readout)
    cost = network_cost(host.layers, method, 16, host.activity, ArrayLimits())
    found = run_experiment(chosen).result.step_cost
    assert found.energy_pJ == pytest.approx(cost.total_energy_pJ.typical, rel=1e-6)
    assert found.own_energy_pJ == pytest.approx(cost.own_energy_pJ.typical, rel=1e-6)
    assert found.time_ns == pytest.approx(cost.time_ns.typical, rel=1e-6)
    assert found.energy_low_pJ < found.energy_pJ < found.energy_high_pJ


def test_what_trains_nothing_in_place_has_none():
    text = TEXT.format(rule="adam", hardware="{tile: digital}", grapes="{mode: none}")
    digital = parse_run_config(parse_yaml(text.partition("evaluation:")[0], "x.yaml"))
    assert run_experiment(digital).result.step_cost is None
    never = "{tile: pcm, update: {kind: accumulated, refresh: {every_updates: null}}, read: {during_training: never}}"
    assert run_experiment(config("adam", hardware=never)).result.step_cost is None


def test_grapes_is_priced_on_top_of_any_rule():
    layer = LayerShape("0", 64, 8)
    update = AccumulatedSpec.of({"optimizer": "adam"})
    activity, arrays = Activity(0.01, 0.0, 0.0, 5.0), ArrayLimits()
    alone = layer_cost(layer, Method(name="adam", update=update), 16, activity, arrays)
    method = Method(name="grapes", update=update, readout=ColumnCurrent(adc_bits=8))
    both = layer_cost(layer, method, 16, activity, arrays)
    assert set(both.operations) - set(alone.operations) == {"readout"}
    assert both.bits.state == alone.bits.state == 2 * 32 * 64 * 8
