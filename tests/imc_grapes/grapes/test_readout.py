"""`Grapes` with a readout circuit and a factor of a few bits."""

import io
import pickle

import numpy as np
import pytest
import torch
from aihwkit.nn import AnalogLinear
from aihwkit.optim import AnalogSGD
from aihwkit.simulator.presets import PCMPreset
from torch import nn

from crossbar import ColumnCurrent, PCMConfig, PerDevice, Probe
from imc_grapes import Grapes, InputError, to_crossbar
from imc_grapes.grapes.algorithm import quantised
from imc_grapes.grapes.update_count import UpdateCount


def network(config=None, seed=0):
    torch.manual_seed(seed)
    config = config or PCMConfig(device="linear", io="perfect", seed=seed)
    return nn.Sequential(
        AnalogLinear(30, 12, bias=False, rpu_config=config),
        nn.ReLU(),
        AnalogLinear(12, 4, bias=False, rpu_config=config),
    )


def step(model, optimizer, passes=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    optimizer.zero_grad()
    for _ in range(passes):
        x = torch.rand(8, 30, generator=generator)
        model(x).square().sum().backward()
    optimizer.step()


def optimizer_for(model, lr=0.01):
    optimizer = AnalogSGD(model.parameters(), lr=lr)
    optimizer.regroup_param_groups(model)
    return optimizer


def test_few_bits_leave_few_levels_with_both_ends():
    factors = torch.linspace(1.0, 2.0, 1001)
    for bits in (1, 4, 8):
        found = quantised(factors, bits)
        assert len(found.unique()) == 2**bits
        assert (found[0], found[-1]) == (1.0, 2.0)
        assert (found - factors).abs().max() <= 0.5 / (2**bits - 1) + 1e-6


def test_the_factors_in_use_are_those_of_the_readout_at_the_word_length():
    model = network()
    plain = Grapes(model)
    exact = plain.factors()["0"]
    plain.detach()
    grapes = Grapes(model, readout=ColumnCurrent(adc_bits=8), factor_bits=4)
    found = grapes.factors()["0"]
    assert torch.allclose(found, exact, atol=0.5 / 15 + 0.02)
    assert torch.equal(found, quantised(found, 4))


def test_lr_matched_gives_every_node_one_level():
    grapes = Grapes(network(), "lr_matched", readout=ColumnCurrent(adc_bits=8), factor_bits=2)
    found = grapes.factors()["0"].unique()
    assert len(found) == 1
    assert torch.equal(found, quantised(found, 2))


@pytest.mark.parametrize("readout", [Probe(k=4), ColumnCurrent(read_noise=0.3)])
def test_a_noisy_readout_is_read_once_per_update(readout):
    model = network()
    grapes = Grapes(model, readout=readout)
    optimizer = optimizer_for(model)
    step(model, optimizer, passes=3)
    first = grapes.state_dict()["held"]["0"][1]
    step(model, optimizer, passes=3)
    assert model[0].analog_module.counters["readouts"] == 2
    assert not torch.equal(grapes.state_dict()["held"]["0"][1], first)


def test_all_passes_of_one_update_see_the_same_factors():
    model = network()
    grapes = Grapes(model, readout=Probe(k=2))
    seen = []
    original = grapes.layer_factors
    grapes.layer_factors = lambda name: seen.append(name) or original(name)
    step(model, optimizer_for(model), passes=4)
    assert seen == ["0"]


def test_a_refresh_interval_keeps_stale_factors_and_no_more():
    model = network()
    grapes = Grapes(model, readout=ColumnCurrent(refresh_every=3))
    optimizer = optimizer_for(model, lr=1.0)
    used = []
    for update in range(7):
        step(model, optimizer, seed=update)
        used.append(grapes.state_dict()["held"]["0"])
    assert [update for update, _ in used] == [0, 0, 0, 3, 3, 3, 6]
    assert used[0][1].numel() == 12
    assert not torch.equal(used[0][1], used[3][1])
    assert model[0].analog_module.counters["readouts"] == 3


def test_an_exact_readout_keeps_nothing():
    model = network()
    grapes = Grapes(model, readout=ColumnCurrent(adc_bits=8), factor_bits=4)
    optimizer = optimizer_for(model)
    for _ in range(3):
        step(model, optimizer)
    assert grapes.state_dict()["held"] == {}


def test_a_training_goes_on_from_the_state_to_the_same_result():
    def start():
        model = network(PCMConfig(device="nandakumar2018", seed=1))
        grapes = Grapes(model, readout=Probe(k=3, refresh_every=2))
        return model, grapes, optimizer_for(model, lr=0.1)

    model, grapes, optimizer = start()
    for update in range(3):
        step(model, optimizer, seed=update)
    file = io.BytesIO()
    torch.save((model.state_dict(), grapes.state_dict()), file)
    for update in range(3, 6):
        step(model, optimizer, seed=update)
    again, other, optimizer = start()
    file.seek(0)
    saved = torch.load(file, weights_only=False)
    again.load_state_dict(saved[0])
    other.load_state_dict(saved[1])
    for update in range(3, 6):
        step(again, optimizer, seed=update)
    for one, two in zip((model[0], model[2]), (again[0], again[2]), strict=True):
        np.testing.assert_array_equal(one.analog_module.g_plus, two.analog_module.g_plus)


def test_aihwkits_in_place_tiles_are_read_through_a_circuit():
    model = network(PCMPreset())
    grapes = Grapes(model, readout=ColumnCurrent(adc_bits=8), factor_bits=4)
    factors = grapes.factors()["0"]
    assert 1.0 <= factors.min() <= factors.max() == 2.0
    step(model, optimizer_for(model))


def test_two_steps_without_a_pass_between_are_one_update():
    layers = {"a": nn.Linear(2, 2)}
    count = UpdateCount(layers)
    one, two = (torch.optim.SGD(layers["a"].parameters(), lr=0.1) for _ in range(2))
    for _ in range(2):
        one.step()
        two.step()
        torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1).step()
    assert count.of("a") == 1
    copied = pickle.loads(pickle.dumps(count))
    copied.load_state_dict(count.state_dict())
    assert copied.of("a") == 1


@pytest.mark.parametrize(
    "readout", [ColumnCurrent(), Probe(), PerDevice(adc_bits=8), PerDevice(refresh_every=5)]
)
def test_a_circuit_on_digital_layers_is_an_error(readout):
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    with pytest.raises(InputError, match=r"layer '0' lies on no crossbar"):
        Grapes(model, readout=readout)
    Grapes(model, readout=PerDevice(), factor_bits=4)


@pytest.mark.parametrize("bits", [0, 17, 4.0, True])
def test_impossible_word_lengths_are_refused(bits):
    with pytest.raises(InputError, match="factor_bits"):
        Grapes(network(), factor_bits=bits)


def test_a_name_is_no_readout():
    with pytest.raises(InputError, match="readout"):
        Grapes(network(), readout="column_current")


@pytest.mark.parametrize("trains", ["summed", "per_sample"])
def test_train_lengths_leave_room_for_a_factor_of_two(trains):
    """Twice the error gives twice the update, on average: the train does not hide the factor."""

    def moved(factor):
        config = PCMConfig(
            device={"model": "linear", "g_max_uS": 25.0},
            io="perfect",
            update={"kind": "pulsed", "trains": trains, "refresh": {"every_updates": None}},
            seed=3,
        )
        torch.manual_seed(0)
        layer = AnalogLinear(60, 40, bias=False, rpu_config=config)
        layer.set_weights(torch.zeros(40, 60))
        tile = layer.analog_module
        tile.tile.set_learning_rate(0.02)
        x, d = torch.full((4, 60), 0.5), factor * torch.full((4, 40), 0.4)
        for _ in range(10):
            tile.tile.update(x, d)
        return -float(tile.tile.get_weights().mean()), tile.counters["saturated"]

    (once, _), (twice, saturated) = moved(1.0), moved(2.0)
    assert saturated == 0
    assert twice / once == pytest.approx(2.0, rel=0.05)


def test_circuits_read_weights_that_are_trained_in_software():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(30, 12), nn.ReLU(), nn.Linear(12, 4))
    config = PCMConfig(update="software", io="perfect", array={"rows": 16}, seed=0)
    model = to_crossbar(net, config)
    exact, digital = Grapes(model), Grapes(net)
    assert torch.equal(exact.factors()["0"], digital.factors()["0"])
    exact.detach()
    grapes = Grapes(model, readout=ColumnCurrent(adc_bits=4))
    read = grapes.factors()["0"]
    assert not torch.equal(read, digital.factors()["0"])
    torch.testing.assert_close(read, digital.factors()["0"], rtol=0.1, atol=0.0)
    step(model, torch.optim.SGD(model.parameters(), lr=0.01))
    assert not torch.equal(model[0].weight, net[0].weight)
    assert not torch.equal(grapes.factors()["0"], read)
