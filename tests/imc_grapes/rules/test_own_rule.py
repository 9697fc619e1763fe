"""A rule that one file adds, examples/own_rule.py, is found wherever rules are chosen, run, priced and named."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from crossbar import PCMConfig
from crossbar.costs import Activity, ArrayLimits, LayerShape, layer_cost
from crossbar.rules import RULES, Rule
from imc_grapes import InputError, RunConfig, optimizer, plugins, run_experiment, to_crossbar
from imc_grapes.cli.app import app
from imc_grapes.config import parse_run_config
from imc_grapes.config.yaml_file import parse_yaml
from imc_grapes.experiment.footprint.methods import compared_methods
from imc_grapes.store.frames import load_results
from imc_grapes.store.labels import method_of, value_label

SHORT = """
name: x
data: {batch_size: 16, train_samples: 160, test_samples: 50}
network: {kind: mlp, hidden: [8]}
training: {epochs: 2, optimizer: {name: node_rms, lr: 0.02, decay: 0.8}}
"""
TILES = "hardware: {tile: pcm, update: {kind: accumulated}, io: {perfect: true}}"


EXAMPLE = Path(__file__).parents[3] / "examples" / "own_rule.py"


@pytest.fixture(autouse=True)
def node_rms(monkeypatch):
    monkeypatch.setattr(plugins, "_loaded", {})
    plugins.load_plugin(str(EXAMPLE))
    yield RULES["node_rms"]
    RULES.remove("node_rms")


def config(text):
    return parse_run_config(parse_yaml(text, "x.yaml"))


def expected_weights(gradients, decay, lr):
    """In float64, by the history."""
    squares = [np.square(g).mean(1, keepdims=True) for g in gradients]
    moved = 0.0
    for last in range(len(gradients)):
        kept = sum((1 - decay) * decay ** (last - k) * squares[k] for k in range(last + 1))
        moved = moved - lr * gradients[last] / np.sqrt(kept)
    return moved


@pytest.mark.parametrize("tiles", [False, True])
def test_it_trains_digital_weights_and_tiles(tiles):
    torch.manual_seed(0)
    layer = nn.Linear(4, 3, bias=False)
    start = layer.weight.detach().clone()
    model = nn.Sequential(layer)
    if tiles:
        device = {"model": "linear", "step_uS": 25.0 / 2**14}
        update = {"kind": "accumulated", "max_pulses": 4096, "refresh": {"every_updates": None}}
        model = to_crossbar(model, PCMConfig(device=device, update=update, io="perfect", seed=0))
    update = optimizer(model, "node_rms", lr=0.02, decay=0.8)
    gradients = []
    for x, d in zip(torch.randn(6, 5, 4), torch.randn(6, 5, 3), strict=True):
        update.zero_grad()
        (model(x) * d).sum().backward()
        update.step()
        gradients.append((d.double().T @ x.double()).numpy())
    found = model[0].get_weights()[0] if tiles else layer.weight.detach()
    wanted = expected_weights(gradients, 0.8, 0.02)
    np.testing.assert_allclose((found - start).numpy(), wanted, atol=2e-3 if tiles else 1e-5)


@pytest.mark.parametrize("hardware", ["", TILES])
def test_a_run_trains_by_it_and_counts_what_it_keeps(hardware):
    outcome = run_experiment(config(f"{SHORT}{hardware}\n"))
    losses = [epoch["train_loss"] for epoch in outcome.metrics]
    assert losses[1] < losses[0]
    nodes = 8 + 10
    weights = 64 * 8 + 8 * 10
    on_tiles = 2 * weights if hardware else 0
    closed = outcome.summary["optimizer_state_bytes_closed_form"]
    assert closed == 4 * nodes + on_tiles
    assert outcome.summary["optimizer_state_bytes"] == closed


def test_the_schema_has_it_with_its_constant():
    result = CliRunner().invoke(app, ["schema"])
    assert result.exit_code == 0
    schema = json.loads(result.stdout)
    choices = {
        choice["properties"]["name"]["const"]: choice["properties"]
        for choice in schema["$defs"]["OptimizerConfig"]["oneOf"]
    }
    assert list(choices["node_rms"]) == ["name", "lr", "lr_decay", "decay"]
    assert choices["node_rms"]["name"]["description"] == (
        "node_rms: The gradient over the root of the decaying mean square of its node's: one number per node is kept."
    )
    decay = choices["node_rms"]["decay"]
    assert (decay["type"], decay["default"]) == ("number", 0.9)
    assert decay["description"] == "What is left of the mean square after one update."
    assert choices["adam"]["betas"]["default"] == [0.9, 0.999]


def test_reports_name_it():
    assert value_label("training.optimizer.name", "node_rms") == "node RMS"
    assert method_of(config(SHORT)) == "node RMS"


def test_a_footprint_compares_and_prices_it():
    compared = {one.label: one for one in compared_methods(config(f"{SHORT}{TILES}\n"))}
    found = compared["node RMS, accumulated"]
    assert found.config.training.optimizer.rule.decay == 0.8
    assert found.config.training.optimizer.lr == 0.02
    assert "node RMS, pulsed" not in compared
    layer = LayerShape("0", n_in=600, n_out=10)
    activity = Activity(0.01, 0.0, 0.0, 5.0)
    cost = layer_cost(layer, found.method, 16, activity, ArrayLimits(512, 512))
    assert cost.bits.state == 2 * 10 * 32  # one number per node on each of two arrays
    assert cost.operations["optimizer"].fp32_divisions == 6000
    assert cost.operations["optimizer"].state_bits_read == 2 * 10 * 32


def test_pulses_are_refused_and_a_typo_is_answered():
    with pytest.raises(InputError, match=r"honours only column_norm, .*sgd.* .got 'node_rms'"):
        config(f"{SHORT}hardware: {{tile: pcm}}\n")
    with pytest.raises(InputError, match=r"'node_rmz' is not one of .*did you mean node_rms"):
        config(SHORT.replace("node_rms", "node_rmz"))
    with pytest.raises(
        InputError, match=r"x.yaml:5: training.optimizer.decai: unknown key.*mean decay"
    ):
        config(SHORT.replace("decay", "decai"))


def test_a_constant_may_not_hide_a_key_beside_it():
    with pytest.raises(InputError, match="no constant may be called lr"):

        @RULES.register("hiding")
        class Hiding(Rule):
            """Its constant is the learning rate's key."""

            lr: float = 0.1

            def direction(self, gradient, state, update):
                return gradient


def test_what_keeps_nothing_runs_on_summed_pulses():
    @RULES.register("sign")
    class Sign(Rule):
        """Every weight moves by the learning rate."""

        pulse_trains = ("summed",)

        def direction(self, gradient, state, update):
            return gradient.sign()

    try:
        device = {"model": "linear", "step_uS": 25.0 / 2**14}
        update = {"kind": "pulsed", "refresh": {"every_updates": None}, "train_length": 4096}
        layer = nn.Linear(4, 3, bias=False)
        pulsed = PCMConfig(device=device, update=update, io="perfect", seed=0)
        model = to_crossbar(nn.Sequential(layer), pulsed)
        step = optimizer(model, "sign", lr=0.05)
        x, d = torch.randn(5, 4), torch.randn(5, 3)
        (model(x) * d).sum().backward()
        step.step()
        moved = model[0].get_weights()[0] - layer.weight.detach()
        torch.testing.assert_close(moved, -0.05 * (d.T @ x).sign(), atol=2e-4, rtol=0)
        trains = PCMConfig(update={"kind": "pulsed", "trains": "per_sample"}, io="perfect")
        with pytest.raises(InputError, match="with trains: per_sample, honours only sgd"):
            optimizer(to_crossbar(nn.Sequential(layer), trains), "sign", lr=0.05)
        settings = f"{SHORT.replace('node_rms', 'sign').replace(', decay: 0.8', '')}"
        hardware = "hardware: {tile: pcm, io: {perfect: true}}\n"
        tiles = config(settings + hardware)
        assert isinstance(tiles, RunConfig)
        assert "sign, pulsed" in [one.label for one in compared_methods(tiles)]
        losses = [epoch["train_loss"] for epoch in run_experiment(tiles).metrics]
        assert losses[1] < losses[0]
    finally:
        RULES.remove("sign")


def test_the_class_of_the_example_is_fifteen_lines():
    lines = EXAMPLE.read_text().split("@register.rule")[1].split("\n\n\n")[0].splitlines()
    assert len([line for line in lines if line.strip()]) <= 15


def test_a_sweep_and_its_report_have_it_beside_the_others(tmp_path):
    """By the command line alone, in a process that does not know it otherwise."""
    (tmp_path / "base.yaml").write_text(
        SHORT.replace("node_rms", "sgd").replace(", decay: 0.8", "")
    )
    (tmp_path / "sweep.yaml").write_text(
        """
base: base.yaml
cases:
  SGD: {}
  ours: {training.optimizer: {name: node_rms, lr: 0.02, decay: 0.8}}
  ours on PCM:
    training.optimizer: {name: node_rms, lr: 0.02}
    hardware: {tile: pcm, update: {kind: accumulated}, io: {perfect: true}}
baseline: SGD
"""
    )
    out = tmp_path / "out"
    command = [sys.executable, "-c", "from imc_grapes.cli.app import main; main()"]
    done = subprocess.run(
        [
            *command,
            "--plugin",
            str(EXAMPLE),
            "sweep",
            str(tmp_path / "sweep.yaml"),
            "--out",
            str(out),
            "--workers",
            "1",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = load_results(out).set_index("method")
    assert (found["status"] == "done").all()
    # A number for each of 18 nodes; on the accumulator chi as well, of two bytes per weight.
    assert found.loc["ours", "optimizer_state_bytes"] == 4 * 18
    assert found.loc["ours on PCM", "optimizer_state_bytes"] == 4 * 18 + 2 * (64 * 8 + 8 * 10)
    page = (out / "report.html").read_text()
    assert "ours on PCM" in page
