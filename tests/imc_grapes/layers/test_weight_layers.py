import pytest
import torch
from torch import nn

from imc_grapes import Grapes, InputError
from imc_grapes.layers.weight_layers import choose_layers


def network():
    return nn.Sequential(
        nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 7), nn.Linear(7, 3)
    )


def chosen(model, layers=None, exclude=()):
    return list(choose_layers(model, layers, exclude))


def test_by_default_all_but_the_last_take_part():
    assert chosen(network()) == ["0", "2", "4"]


def test_layers_names_exactly_those_that_take_part_the_last_one_too():
    assert chosen(network(), layers=["5", "0"]) == ["5", "0"]
    assert chosen(network(), layers=iter(["2"])) == ["2"]


def test_excluded_layers_take_no_part():
    assert chosen(network(), exclude=["2"]) == ["0", "4"]
    assert chosen(network(), layers=["0", "2"], exclude=["2"]) == ["0"]
    assert list(Grapes(network(), exclude=["0"]).factors()) == ["2", "4"]


def test_the_last_layer_may_be_excluded_by_name_too():
    assert chosen(network(), exclude=["5"]) == ["0", "2", "4"]


def test_excluding_a_module_excludes_every_layer_inside_it():
    model = nn.ModuleDict(
        {"encoder": network(), "encoder2": nn.Linear(2, 2), "head": nn.Linear(3, 2)}
    )
    assert chosen(model, exclude=["encoder"]) == ["encoder2"]


@pytest.mark.parametrize(
    ("layers", "exclude", "message"),
    [
        (["7"], (), "layers: '7' is not a layer of this model; the weight layers are: 0, 2, 4, 5"),
        (None, ["fc"], "exclude: 'fc' is not a layer of this model"),
        (["1"], (), "layers: '1' is a ReLU, which has no weights"),
        (None, ["1"], "exclude: '1' is a ReLU, which has no weights"),
        ([], (), "no layer to act on"),
        (None, ["0", "2", "4"], "no layer to act on"),
    ],
)
def test_names_that_are_no_weight_layers_are_refused(layers, exclude, message):
    with pytest.raises(InputError, match=message):
        chosen(network(), layers, exclude)


@pytest.mark.parametrize(
    "model", [nn.Linear(2, 2), nn.Sequential(nn.ReLU()), nn.Sequential(nn.Linear(2, 2))]
)
def test_a_model_without_a_hidden_weight_layer_is_refused(model):
    with pytest.raises(InputError, match="no layer to act on"):
        Grapes(model)


@pytest.mark.parametrize(
    "layer",
    [
        nn.ConvTranspose2d(4, 4, 3),
        nn.MultiheadAttention(4, 2),
        nn.Bilinear(4, 4, 4),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_layer_that_grapes_cannot_act_on_must_be_excluded_by_name(layer):
    model = nn.ModuleDict({"front": nn.Linear(4, 4), "odd": layer, "head": nn.Linear(4, 2)})
    with pytest.raises(InputError, match=f"'odd' is a {type(layer).__name__}"):
        chosen(model)
    assert chosen(model, exclude=["odd"]) == ["front"]
    assert chosen(model, layers=["front"]) == ["front"]


def test_an_unsupported_layer_deep_inside_is_covered_by_its_excluded_parent():
    deep = nn.ModuleDict({"encoder": nn.Sequential(nn.Linear(4, 4), nn.Bilinear(4, 4, 4))})
    model = nn.ModuleDict({"body": deep, "front": nn.Linear(4, 4), "head": nn.Linear(4, 2)})
    with pytest.raises(InputError, match=r"'body\.encoder\.1' is a Bilinear"):
        chosen(model)
    assert chosen(model, exclude=["body"]) == ["front"]


def test_an_excluded_analog_recurrent_layer_is_excluded_with_its_tiles():
    from aihwkit.nn import AnalogRNN, AnalogVanillaRNNCell
    from aihwkit.simulator.presets import IdealizedPreset

    recurrent = AnalogRNN(AnalogVanillaRNNCell, 4, 5, bias=True, rpu_config=IdealizedPreset())
    model = nn.ModuleDict({"front": nn.Linear(4, 4), "rnn": recurrent, "head": nn.Linear(5, 2)})
    assert chosen(model) == ["front", "rnn.rnn.layers.0"]
    assert chosen(model, exclude=["rnn"]) == ["front"]


def test_the_local_mode_needs_a_weight_of_its_own():
    def parametrized():
        first = nn.utils.parametrizations.weight_norm(nn.Linear(4, 5))
        return nn.Sequential(first, nn.ReLU(), nn.Linear(5, 3))

    with pytest.raises(InputError, match="layer '0': its weight is computed from other parameters"):
        Grapes(parametrized(), "local")
    model = parametrized()
    grapes = Grapes(model, "propagating")
    model(torch.rand(2, 4)).sum().backward()
    assert grapes.factors()["0"].max() == 2.0


@pytest.mark.parametrize("mode", ["propagating", "local"])
def test_a_lazy_layer_is_modulated_once_its_size_is_known(mode):
    model = nn.Sequential(nn.LazyLinear(5), nn.ReLU(), nn.Linear(5, 3))
    grapes = Grapes(model, mode)
    plain = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    x = torch.rand(2, 4)
    model(x).sum().backward()
    plain.load_state_dict(model.state_dict())
    plain(x).sum().backward()
    expected = grapes.factors()["0"].view(-1, 1) * plain[0].weight.grad
    torch.testing.assert_close(model[0].weight.grad, expected)
