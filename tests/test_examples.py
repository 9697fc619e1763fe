"""The examples run as they stand, in a folder of their own; the plugin among them takes weights of other code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from imc_grapes import plugins
from imc_grapes.config import load_run_config
from imc_grapes.networks.base import NETWORKS
from imc_grapes.networks.weights import load_weights
from imc_grapes.sweep.load import load_sweep

_ROOT = Path(__file__).parent.parent
_RESNET = _ROOT / "examples" / "resnet20"
EXAMPLES = sorted((_ROOT / "examples").glob("*.py"))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(example: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(example)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(_ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.fixture
def resnet20(monkeypatch):
    monkeypatch.setattr(plugins, "_loaded", {})
    plugins.load_plugin(str(_RESNET / "resnet20.py"))
    yield NETWORKS["resnet20"]
    NETWORKS.remove("resnet20")


def shapes_of_he_2016(blocks: int) -> dict[str, tuple[int, ...]]:
    """The state dict of a ResNet for CIFAR-10, as CrossSim and others name it."""
    shapes: dict[str, tuple[int, ...]] = {"conv1.weight": (16, 3, 3, 3)}
    norms = {"bn1": 16}
    for stage, (n_in, n_out) in enumerate(((16, 16), (16, 32), (32, 64)), 1):
        for block in range(blocks):
            prefix = f"res{stage}.{block}."
            shapes[f"{prefix}conv1.weight"] = (n_out, n_out if block else n_in, 3, 3)
            shapes[f"{prefix}conv2.weight"] = (n_out, n_out, 3, 3)
            norms |= {f"{prefix}bn1": n_out, f"{prefix}bn2": n_out}
            if block == 0 and stage > 1:
                shapes[f"{prefix}downsample.0.weight"] = (n_out, n_in, 1, 1)
                norms[f"{prefix}downsample.1"] = n_out
    for name, width in norms.items():
        shapes |= {f"{name}.{part}": (width,) for part in ("weight", "bias")}
        shapes |= {f"{name}.{part}": (width,) for part in ("running_mean", "running_var")}
    return shapes | {"classifier.2.weight": (10, 64), "classifier.2.bias": (10,)}


@pytest.mark.parametrize(("blocks", "weights"), [(3, 272474), (5, 466906)])
def test_the_resnet_takes_a_strangers_weights(resnet20, tmp_path, blocks, weights):
    shapes = shapes_of_he_2016(blocks)
    torch.save({name: torch.rand(shape) for name, shape in shapes.items()}, tmp_path / "he.pth")
    network = resnet20(blocks=blocks).build((3, 32, 32), 10, torch.Generator())
    load_weights(network, tmp_path / "he.pth")
    assert sum(one.numel() for one in network.parameters()) == weights
    assert network.conv1.stride == network.res1[0].conv1.stride == (1, 1)
    assert network.res2[0].conv1.stride == network.res3[0].downsample[0].stride == (2, 2)


def test_the_resnet_normalises_its_input(resnet20):
    network = resnet20().build((3, 32, 32), 10, torch.Generator())
    seen = []
    network.conv1.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network.eval()(torch.tensor([0.485, 0.456 + 0.224, 0.0])[:, None, None].expand(1, 3, 32, 32))
    assert torch.allclose(seen[0][0, :, 5, 5], torch.tensor([0.0, 1.0, -0.406 / 0.225]), atol=1e-6)


def test_the_configs_of_the_resnet_are_complete(resnet20, tmp_path):
    torch.save(nn.Linear(1, 1).state_dict(), tmp_path / "any.pth")
    chosen = [f"network.weights={tmp_path / 'any.pth'}"]
    assert load_run_config(_RESNET / "resnet20.yaml", chosen).training.epochs == 0
    plan = load_sweep(_RESNET / "drift_scale.yaml", chosen)
    assert [trial.method for trial in plan.trials] == ["not trained"] * 6


def test_the_network_on_whole_arrays_is_complete(resnet20, tmp_path):
    for name in ("any.pth", "finetuned.pt", "noise_trained.pt"):
        torch.save(nn.Linear(1, 1).state_dict(), tmp_path / name)
    for name in ("arrays.yaml", "won_back.yaml"):
        (tmp_path / name).write_text((_RESNET / name).read_text())
    assert load_run_config(
        _RESNET / "arrays.yaml", [f"network.weights={tmp_path / 'any.pth'}"]
    ).hardware.in_software
    plan = load_sweep(tmp_path / "won_back.yaml")
    assert len(plan.trials) == 4
    assert {trial.config.evaluation.batch_norm for trial in plan.trials} == {
        "fixed",
        "recalibrated",
    }
