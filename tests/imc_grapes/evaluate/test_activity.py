import numpy as np
import pytest
import torch
from aihwkit.nn.conversion import convert_to_analog
from made_up_data import roll
from torch import nn

from crossbar import PCMConfig
from crossbar.costs import Interval
from crossbar.costs.event_read import event_read_pJ
from imc_grapes.data.chorales import Chorales
from imc_grapes.data.dataset import Split
from imc_grapes.experiment.activity import _watchers, measure_activity
from imc_grapes.networks.base import NETWORKS
from imc_grapes.networks.lstm import LSTMConfig
from imc_grapes.networks.sequence import build_sequence_network
from imc_grapes.objectives.image_classification import ImageClassification
from imc_grapes.objectives.next_chord import NextChord


def chorales():
    return Chorales(tuple(torch.tensor(roll(steps, seed=steps)).float() for steps in (6, 11)))


def network(**options):
    config = NETWORKS[options.pop("kind", "snu")](hidden=(20,), **options)
    return build_sequence_network(config, 88, 88, torch.Generator().manual_seed(0))


def energy_by_hand(model):
    """Of one matrix after the other, from the outputs that the layer really sends."""
    layer = model.layers[0]
    total, steps, spikes = Interval(), 0, 0.0
    for piece in chorales().rolls:
        x = piece[:-1].unsqueeze(1)
        outputs, _ = layer(x)
        for t in range(len(x)):
            signals = [(x[t, 0], 20)]
            if layer.recurrent:
                signals.append((outputs[t - 1, 0] if t else torch.zeros(20), 20))
            signals.append((outputs[t, 0], 88))
            for signal, n_out in signals:
                total += event_read_pJ(n_out, int((signal != 0).sum()), float(signal.sum()))
            spikes += float(outputs[t].sum()) / 20
            steps += 1
    return total * (1 / steps), spikes / steps


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("kind", ["snu", "ssnu"])
def test_energy_and_spikes_are_those_of_every_real_step(kind, recurrent):
    model = network(kind=kind, recurrent=recurrent, bias_init=-0.3)
    with torch.no_grad():
        expected, rate = energy_by_hand(model)
    found = measure_activity(model, NextChord(), chorales())
    assert found.read_energy_pJ_per_step == pytest.approx(expected.as_dict(), rel=1e-5)
    if kind == "snu":
        assert 0 < rate < 1
        assert found.spikes_per_step == {"layers.0": pytest.approx(rate, rel=1e-5)}
    else:
        assert found.spikes_per_step == {}


def test_fewer_spikes_cost_less_and_a_silent_network_costs_its_conversions():
    silent, lively = (network(bias_init=bias) for bias in (-100.0, 0.1))
    quiet = measure_activity(silent, NextChord(), chorales())
    loud = measure_activity(lively, NextChord(), chorales())
    assert quiet.spikes_per_step["layers.0"] == 0.0
    assert loud.spikes_per_step["layers.0"] > 0.0
    assert quiet.read_energy_pJ_per_step["low"] < loud.read_energy_pJ_per_step["low"]
    assert quiet.read_energy_pJ_per_step["low"] > event_read_pJ(108, 0, 0).low


def test_an_lstm_reads_four_times_the_columns_and_its_own_outputs():
    config = LSTMConfig(hidden=(20,))
    lstm = build_sequence_network(config, 88, 88, torch.Generator().manual_seed(0))
    cost = measure_activity(lstm, NextChord(), chorales()).read_energy_pJ_per_step
    assert cost["typical"] > event_read_pJ(2 * 4 * 20 + 88, 0, 0).typical


def test_a_network_without_time_is_not_fed():
    images = Split(torch.rand(4, 1, 2, 2), torch.zeros(4, dtype=torch.int64))

    class Refuses(nn.Linear):
        def forward(self, x):
            raise AssertionError("was fed")

    found = measure_activity(Refuses(4, 2), ImageClassification(), images)
    assert found.spikes_per_step == {}
    assert found.read_energy_pJ_per_step is None


def test_reads_of_pcm_tiles_are_priced_with_their_devices_and_converters():
    """88-20-88, three devices per polarity, 7-bit converters, arrays of 50 rows and 12 columns."""
    config = PCMConfig(
        array={"rows": 50, "columns": 12, "devices_per_polarity": 3}, io={"adc_bits": 7}, seed=0
    )
    model = convert_to_analog(network(recurrent=True), config)
    watched = dict(_watchers(model.named_modules()))
    into, back = watched["layers.0"].into
    (out,) = watched["readout"].into
    for counter, rows, columns in ((into, 2, 2), (back, 1, 2), (out, 1, 8)):
        known = dict(counter.arrays)
        assert 0.1 < known.pop("mean_g_uS") < 5.0
        assert known == {
            "adc_bits": 7,
            "sharing": 3,
            "row_arrays": rows,
            "column_arrays": columns,
        }
    tiles = [module for module in model.readout.modules() if hasattr(module, "g_plus")]
    devices = np.concatenate([[*tile.g_plus.flat, *tile.g_minus.flat] for tile in tiles])
    assert out.arrays["mean_g_uS"] == pytest.approx(devices.mean(), rel=1e-5)
    assert measure_activity(model, NextChord(), chorales()).read_energy_pJ_per_step["low"] > 0.0
    assert next(iter(dict(_watchers(network().named_modules())).values())).into[0].arrays == {}


def test_the_energy_of_a_read_by_events_by_hand():
    found = event_read_pJ(
        20, 9.5, 4.0, adc_bits=7, mean_g_uS=1.5, sharing=3, row_arrays=2, column_arrays=4
    )
    expected = 2 * 20 * 29.0 / 2 + 4 * 9.5 * 0.0042 + 4.0 * 20 * 2 * 3 * 1.5 * 5.12e-3
    assert found.typical == pytest.approx(expected, rel=1e-12)
