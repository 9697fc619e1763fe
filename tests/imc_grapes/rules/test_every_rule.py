"""Every registered rule: its constants reach tiles and biases alike, and tiles do what digital weights do."""

import numpy as np
import pytest
import torch
from torch import nn

from crossbar import PCMConfig, PCMTile
from crossbar.rules import RULES
from imc_grapes import Grapes, optimizer, to_crossbar
from imc_grapes.config import parse_run_config
from imc_grapes.config.yaml_file import parse_yaml
from imc_grapes.costs.optimizer_state import closed_form_bytes, measured_bytes
from imc_grapes.data.load import load_dataset
from imc_grapes.experiment.assemble import prepare
from imc_grapes.experiment.listener import Listener
from imc_grapes.rules.dense_optimizer import DenseOptimizer
from kernels.errors import InputError

CONSTANTS = {
    "adafactor": {"decay_exponent": 0.5, "clip_threshold": 0.5, "eps": 1e-12},
    "adam": {"betas": (0.5, 0.8), "eps": 0.1},
    "column_norm": {},
    "lion": {"betas": (0.3, 0.6)},
    "momentum": {"momentum": 0.5},
    "nag": {"momentum": 0.5},
    "rmsprop": {"alpha": 0.5, "eps": 0.1},
    "scale": {"momentum": 0.5},
    "sgd": {},
    "sign_sgd": {},
    "sinkgd": {"iterations": 2},
    "sm3": {},
}
OWN = [entry.name for entry in RULES if RULES.is_own(entry.name)]
FINE = {"model": "linear", "g_max_uS": 25.0, "step_uS": 25.0 / 2**14}
CIRCUITS = {
    "accumulated": {"kind": "accumulated", "max_pulses": 4096},
    "pulsed": {"kind": "pulsed", "train_length": 4096},
}


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))


def on_tiles(kind="accumulated", model=None):
    update = {**CIRCUITS[kind], "refresh": {"every_updates": None}}
    array = {"weight_range": 4.0}
    config = PCMConfig(device=FINE, update=update, io="perfect", array=array, seed=0)
    return to_crossbar(model or net(), config)


def trained(model, name, constants, steps=8):
    """Weights and biases of both layers after some steps."""
    update = optimizer(model, name, lr=0.01, **constants)
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        x, y = (torch.randn(8, n, generator=generator) for n in (6, 3))
        update.zero_grad()
        (model(x) - y).square().mean().backward()
        update.step()
    parts = []
    for layer in (model[0], model[2]):
        both = (
            layer.get_weights() if hasattr(layer, "analog_module") else (layer.weight, layer.bias)
        )
        parts += [one.detach().numpy().copy() for one in both]
    return parts


def distance(one, other):
    return np.array([np.abs(a - b).mean() for a, b in zip(one, other, strict=True)])


def test_every_rule_is_here():
    assert list(CONSTANTS) == sorted(OWN)
    for name, constants in CONSTANTS.items():
        assert set(constants) == {*RULES[name]().constants} - {"output_layers"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, "accumulated") for name in CONSTANTS]
    + [(name, "pulsed") for name in CONSTANTS if "summed" in RULES[name].pulse_trains],
)
def test_tiles_follow_a_rule_with_its_constants_as_digital_weights_do(name, kind):
    """Where a sign decides, a gradient near 0 may take the other one."""
    digital = trained(net(), name, CONSTANTS[name])
    moved = distance(digital, trained(net(), name, {}, steps=0))
    apart = distance(trained(on_tiles(kind), name, CONSTANTS[name]), digital)
    assert (moved > 1e-3).all()
    assert (apart < 0.1 * moved).all()
    if CONSTANTS[name]:
        usual = distance(trained(net(), name, {}), digital)
        assert usual.max() > 2.0 * apart.max()


@pytest.mark.parametrize("name", CONSTANTS)
def test_constants_under_training_reach_tiles_and_biases(name):
    given = "".join(
        f", {key}: {list(value) if isinstance(value, tuple) else repr(value)}"
        for key, value in CONSTANTS[name].items()
    )
    text = f"""
name: x
data: {{name: digits, batch_size: 16, train_samples: 64, test_samples: 10}}
network: {{kind: mlp, hidden: [8], bias: true}}
hardware: {{tile: pcm, update: {{kind: accumulated}}}}
training: {{epochs: 1, optimizer: {{name: {name}, lr: 0.01{given}}}}}
"""
    config = parse_run_config(parse_yaml(text, "x.yaml"))
    trainer, _ = prepare(config, load_dataset(config.data, 0), Listener())
    rule = RULES[name](**CONSTANTS[name])
    tiles = [one for one in trainer.model.modules() if isinstance(one, PCMTile)]
    assert tiles[-1].rpu_config.update.optimizer.rule == rule
    assert tiles[0].rpu_config.update.optimizer.rule == rule.of_layer("1", is_last=False)
    beside = [part for part in trainer.optimizer._parts if type(part).__name__ != "AnalogSGD"]
    if rule.torch_class is None:
        assert all(isinstance(part, DenseOptimizer) for part in beside)
        assert rule in [part._rule for part in beside]
    else:
        [part] = beside
        for key, value in rule.torch_arguments().items():
            assert part.param_groups[0][key] == value


def columns(matrix):
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def test_scale_keeps_momentum_in_the_output_layer_alone():
    model = net()
    hidden, output = (model[one].weight.detach().double().numpy().copy() for one in (0, 2))
    update = optimizer(model, "scale", lr=0.02, momentum=0.7)
    mean = 0.0
    for _ in range(4):
        update.zero_grad()
        model(torch.randn(8, 6)).square().mean().backward()
        hidden -= 0.02 * columns(model[0].weight.grad.double().numpy())
        mean = 0.7 * mean + 0.3 * model[2].weight.grad.double().numpy()
        output -= 0.02 * columns(mean)
        update.step()
    np.testing.assert_allclose(model[0].weight.detach().numpy(), hidden, atol=1e-6)
    np.testing.assert_allclose(model[2].weight.detach().numpy(), output, atol=1e-6)
    kept = sum("momentum" in one for one in update.state.values())
    assert kept == 2  # weight and bias of the output layer
    rule = RULES["scale"](momentum=0.7)
    assert closed_form_bytes(model, rule) == measured_bytes(update, model) == 4 * (5 * 3 + 3)


def test_scale_on_tiles_keeps_a_matrix_on_the_output_layers_tile():
    model = on_tiles()
    update = optimizer(model, "scale", lr=0.02)
    tiles = [one for one in model.modules() if isinstance(one, PCMTile)]
    assert [set(one.update_state_arrays()) for one in tiles] == [{"chi"}, {"chi", "momentum"}]
    model(torch.randn(8, 6)).square().mean().backward()
    update.step()
    rule = RULES["scale"]()
    assert closed_form_bytes(model, rule) == measured_bytes(update, model)


class HeadFirst(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(5, 3)
        self.body = nn.Linear(6, 5)

    def forward(self, x):
        return self.head(torch.tanh(self.body(x)))


def test_scale_is_told_which_layers_are_the_output():
    model = HeadFirst()
    update = optimizer(model, "scale", lr=0.02)
    model(torch.randn(8, 6)).sum().backward()
    with pytest.raises(
        InputError, match=r"output_layers: the first pass shows .* 'head' .taken: 'body'"
    ):
        update.step()
    named = optimizer(model, "scale", lr=0.02, output_layers=["head"])
    named.zero_grad()
    model(torch.randn(8, 6)).sum().backward()
    named.step()
    assert all("momentum" in named.state[one] for one in model.head.parameters())
    assert not any("momentum" in named.state[one] for one in model.body.parameters())
    with pytest.raises(InputError, match=r"'haed' is no weight layer .*did you mean head"):
        optimizer(model, "scale", lr=0.02, output_layers=["haed"])


@pytest.mark.parametrize("name", ["sign_sgd", "column_norm", "sinkgd", "scale"])
@pytest.mark.parametrize("first", ["grapes", "optimizer"])
def test_grapes_whose_factors_a_rule_divides_out_is_refused(name, first):
    def deep():
        return nn.Sequential(
            nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)
        )

    def stepped(model, mode):
        if first == "grapes":
            Grapes(model, mode)
        update = optimizer(model, name, lr=0.01)
        if first == "optimizer":
            Grapes(model, mode)
        model(torch.randn(8, 6)).square().mean().backward()
        update.step()

    for mode in ("local", "lr_matched"):
        with pytest.raises(
            InputError, match=f"mode: '{mode}' would change nothing here: .* out again"
        ):
            stepped(deep(), mode)
    stepped(deep(), "propagating")
    with pytest.raises(InputError, match="and no layer lies upstream"):
        stepped(net(), "propagating")


@pytest.mark.parametrize(
    ("mode", "hidden", "transport", "refused"),
    [
        ("local", "[8, 8]", "bp", True),
        ("lr_matched", "[8, 8]", "bp", True),
        ("propagating", "[8, 8]", "bp", False),
        ("propagating", "[8]", "bp", True),
        ("propagating", "[8, 8]", "dfa", True),
    ],
)
def test_a_config_with_a_mode_without_effect_is_refused(mode, hidden, transport, refused):
    text = f"""
name: x
data: {{name: digits}}
network: {{kind: mlp, hidden: {hidden}}}
training:
  error_transport: {transport}
  optimizer: {{name: sign_sgd, lr: 0.01}}
  grapes: {{mode: {mode}}}
"""
    if not refused:
        parse_run_config(parse_yaml(text, "x.yaml"))
        return
    with pytest.raises(InputError, match=f"training.grapes.mode: '{mode}' would change nothing"):
        parse_run_config(parse_yaml(text, "x.yaml"))
