"""Models whose weights are trained in software and programmed once: made by to_crossbar, trained as digital ones."""

import copy

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from crossbar import PCMConfig
from crossbar.array_layers import is_array_layer
from crossbar.array_layers.linear import ArrayLinear
from crossbar.specs import ArraySpec, IOSpec
from imc_grapes import Grapes, InputError, optimizer, placement, to_crossbar


def software(**config):
    return PCMConfig(update="software", seed=0, **config)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.rest = nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 20), nn.Linear(20, 4))

    def forward(self, x):
        return self.rest(self.norm(self.conv(x)))


def test_a_model_keeps_its_class_its_weights_and_its_names():
    torch.manual_seed(0)
    net, x = Net(), torch.randn(5, 3, 6, 6)
    model = to_crossbar(net, software(io="perfect", array={"rows": 100}), exclude=("rest.3",))
    assert type(model) is Net
    assert [name for name, layer in model.named_modules() if is_array_layer(layer)] == [
        "conv",
        "rest.2",
    ]
    assert isinstance(model.rest[2], nn.Linear)
    assert [name for name, _ in model.named_parameters()] == [n for n, _ in net.named_parameters()]
    assert model.conv.weight.data_ptr() != net.conv.weight.data_ptr()
    torch.testing.assert_close(model(x), net(x), rtol=0, atol=0)
    model.load_state_dict(net.state_dict())
    assert not any(is_array_layer(layer) for layer in net.modules())


@pytest.mark.parametrize(
    "build",
    [
        lambda: nn.LSTM(5, 7, batch_first=True),
        lambda: nn.GRU(5, 7, num_layers=2, batch_first=True),
        lambda: nn.TransformerEncoderLayer(6, 2, 8, batch_first=True, dropout=0.0),
    ],
)
def test_layers_with_several_matrices_are_taken_apart(build):
    torch.manual_seed(1)
    net = build().eval()
    x = torch.randn(3, 4, 6 if isinstance(net, nn.TransformerEncoderLayer) else 5)
    fine = {"dac_bits": None, "adc_bits": None, "out_noise": 0.0, "out_bound": 1000.0}
    with torch.no_grad():
        for io in ("perfect", fine):
            model = to_crossbar(net, software(io=io)).eval()
            assert sum(is_array_layer(layer) for layer in model.modules()) > 1
            found, wanted = model(x), net(x)
            if isinstance(wanted, tuple):
                found, wanted = found[0], wanted[0]
            torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
        # Converters are seen, so no fused path of torch went around them.
        coarse = to_crossbar(net, software(io={"adc_bits": 3, "out_noise": 0.0})).eval()
        y = coarse(x)
        assert not torch.allclose(y[0] if isinstance(y, tuple) else y, wanted, atol=1e-3)


def test_placement_counts_arrays_and_devices():
    config = software(array={"rows": 100, "columns": 15, "devices_per_polarity": 2})
    frame = placement(to_crossbar(Net(), config)).set_index("parameter")
    assert frame.loc["conv.weight", ["shape", "arrays", "devices"]].tolist() == [(8, 27), 1, 864]
    assert frame.loc["rest.2.weight", ["arrays", "devices"]].tolist() == [6, 8 * 36 * 20 * 4]
    assert frame.loc["rest.2.weight", "part"].startswith(
        "inputs 0-95, outputs 0-9; inputs 0-95, outputs 10-19; inputs 96-191, outputs 0-9"
    )
    assert frame.loc["conv.bias", "reason"] == "added digitally, behind the converters"
    assert frame.loc["conv.weight", "reason"] == ""
    assert set(frame["where"]) == {"crossbar", "digital"}


def test_groups_have_arrays_of_their_own():
    model = to_crossbar(nn.Conv2d(8, 8, 3, groups=4), software())
    assert placement(model)["arrays"].tolist()[0] == 4


def test_configs_may_differ_from_layer_to_layer():
    model = to_crossbar(
        Net(),
        {
            "conv": software(),
            "rest.2": PCMConfig(array={"weight_range": "auto"}, seed=0),
            "*": None,
        },
    )
    assert is_array_layer(model.conv)
    assert placement(model)["where"].tolist().count("crossbar") == 2
    with pytest.raises(InputError, match="on crossbars already"):
        to_crossbar(model, software())


@pytest.mark.parametrize("rule", ["sgd", "adam", "momentum"])
def test_rules_and_grapes_train_them_as_they_train_digital_layers(rule):
    torch.manual_seed(2)
    digital = Net().eval()  # batch normalisation that does not move
    x, target = torch.randn(16, 3, 6, 6), torch.randint(0, 4, (16,))
    on_arrays = to_crossbar(digital, software(io="perfect"))
    weights = []
    for model in (digital, on_arrays):
        Grapes(model)
        update = optimizer(model, rule, lr=0.02)
        for _ in range(3):
            update.zero_grad()
            nn.functional.cross_entropy(model(x), target).backward()
            update.step()
        weights.append([value.detach() for value in model.parameters()])
    for one, other in zip(*weights, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    assert not torch.equal(weights[0][0], Net().conv.weight)


def test_a_network_learns_through_converters_and_noise():
    torch.manual_seed(3)
    x = torch.randn(200, 10)
    target = (x[:, 0] * x[:, 1] > 0).long()
    net = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 2))
    config = PCMConfig(
        update={"kind": "software", "noise": {"kind": "gaussian"}, "clip": {"sigmas": 2.5}},
        array={"rows": 32},
        seed=0,
    )
    model = to_crossbar(net, config)
    update = optimizer(model, "adam", lr=0.01)
    for _ in range(150):
        update.zero_grad()
        nn.functional.cross_entropy(model(x), target).backward()
        update.step()
    model.eval()
    with torch.no_grad():
        assert (model(x).argmax(1) == target).float().mean() > 0.9


def test_a_copy_draws_what_the_original_would_have_drawn():
    model = to_crossbar(Net(), software()).eval()
    x = torch.randn(5, 3, 6, 6)
    copied = copy.deepcopy(model)
    with torch.no_grad():
        assert torch.equal(model(x), copied(x))
        assert not torch.equal(model(x), model(x))


def test_layers_of_aihwkit_cannot_be_made_of_it():
    from aihwkit.nn import AnalogLinear

    with pytest.raises(InputError, match="to_crossbar makes its layers"):
        AnalogLinear(4, 3, rpu_config=software())


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"update": "software", "faults": {}}, "faults: has no effect with update software"),
        ({"update": "software", "read": {"noise": True}}, "read: has no effect"),
        ({"update": "software", "programming": {}}, "programming: has no effect"),
        ({"update": "software", "device": "exp_step"}, "device: pulses nothing"),
        ({"update": "software", "statistics": "nope"}, "'nope' is not one of"),
        (
            {"update": "software", "array": {"weight_range": "auto"}},
            r"array.weight_range: has no eff",
        ),
        ({"update": "software", "wires": {"row_ohm": -1, "column_ohm": 1}}, "row_ohm"),
        ({"update": {"kind": "software", "noise": {"kind": "pink"}}}, "noise"),
        ({"wires": {"row_ohm": 1.0, "column_ohm": 1.0}}, "wires: belongs to update software"),
        ({"statistics": "pcm_nandakumar2019"}, "statistics: belongs to update software"),
        ({"array": {"scale": "column"}}, "array.scale: training in place"),
        ({"io": {"inp_range": "calibrated"}}, "io.inp_range: training in place"),
        ({"io": {"out_range": "calibrated"}}, "io.out_range: training in place"),
    ],
)
def test_what_would_have_no_effect_is_refused(config, message):
    with pytest.raises(InputError, match=message):
        PCMConfig(**config)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"inp_range": "calibrated", "noise_management": "abs_max"}, "scales every vector"),
        ({"out_range": "calibrated", "bound_management": "iterative"}, "needs out_range fixed"),
        ({"out_range": "calibrated", "out_bound": 5.0}, "out_bound has no effect"),
        ({"percentile": 99.0}, "percentile has no effect"),
        ({"perfect": True, "inp_range": "calibrated"}, "leaves no room"),
    ],
)
def test_ranges_that_contradict_the_rest_are_refused(values, message):
    with pytest.raises(ValidationError, match=message):
        IOSpec(**values)


def test_calibrated_ranges_switch_off_what_they_replace_and_the_usual_ones_change_no_hash():
    spec = IOSpec(inp_range="calibrated", out_range="calibrated")
    assert (spec.noise_management, spec.bound_management) == ("none", "none")
    assert IOSpec.model_validate(spec.model_dump()) == spec
    assert not {"inp_range", "out_range", "percentile"} & IOSpec().model_dump().keys()
    assert "scale" not in ArraySpec().model_dump()
    assert ArraySpec(scale="column").model_dump()["scale"] == "column"


def test_the_default_devices_are_the_published_ones():
    config = software()
    assert config.statistics.g_max_uS == 25.0
    assert config.in_software
    layer = ArrayLinear(nn.Linear(3, 2), config)
    assert layer.config.wires is None
