"""Going back to the best epoch, on whatever the weights lie."""

import pytest
import torch
from torch import nn

from imc_grapes import RunConfig, run_experiment
from imc_grapes.experiment.assemble import on_hardware
from imc_grapes.experiment.restore import restore
from imc_grapes.rules import optimizer as optimizer_for
from imc_grapes.training.loop import put_back, snapshot

HWA = {"tile": "aihwkit", "preset": "StandardHWATrainingPreset"}
HARDWARE = {
    "digital": {"tile": "digital"},
    "HWA": HWA,
    "PCM": {"tile": "pcm", "update": {"kind": "accumulated"}},
}


def weights(model):
    return [
        part.detach().clone()
        for layer in model
        if not isinstance(layer, nn.Tanh)
        for part in (layer.get_weights() if hasattr(layer, "get_weights") else layer.parameters())
    ]


@pytest.mark.parametrize("hardware", HARDWARE)
@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_a_snapshot_goes_back_and_the_same_optimizer_goes_on(hardware, name):
    run = RunConfig.model_validate(
        {
            "name": "x",
            "hardware": HARDWARE[hardware],
            "training": {"optimizer": {"name": name, "lr": 0.05}},
        }
    )
    torch.manual_seed(0)
    model = on_hardware(nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4)), run)
    optimizer = optimizer_for(model, name, lr=0.05)
    inputs = torch.randn(16, 6)

    def train():
        for _ in range(3):
            optimizer.zero_grad()
            model(inputs).square().sum().backward()
            optimizer.step()

    train()
    held, then = snapshot(model), weights(model)
    for _ in range(2):
        train()
        assert not any(torch.equal(a, b) for a, b in zip(then, weights(model), strict=True))
        put_back(model, held, optimizer)
        assert all(torch.equal(a, b) for a, b in zip(then, weights(model), strict=True))


def test_a_run_on_hardware_aware_tiles_keeps_its_best_epoch(tmp_path):
    config = RunConfig.model_validate(
        {
            "name": "short",
            "data": {"batch_size": 16, "train_samples": 100, "test_samples": 20},
            "network": {"kind": "mlp", "hidden": (8,)},
            "training": {
                "epochs": 4,
                "keep": "best",
                "optimizer": {"name": "adam", "lr": 0.01},
            },
            "hardware": HWA,
            "evaluation": {"repeats": 1, "times_s": (25.0,)},
        }
    )
    outcome = run_experiment(config, out_dir=tmp_path / "run")
    scores = [line["validation_accuracy"] for line in outcome.metrics]
    assert outcome.summary["epoch"] == scores.index(max(scores)) + 1
    restored = restore(tmp_path / "run").trainer
    expected = snapshot(restored.model)
    best = restored.position.best_weights
    assert best is not None
    put_back(restored.model, best, restored.optimizer)
    for key, value in snapshot(restored.model).items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, expected[key])
