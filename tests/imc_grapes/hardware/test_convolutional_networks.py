"""LeNet and ResNet9 on every kind of tile: they compute, and GRAPES modulates them as on digital weights."""

import copy

import pytest
import torch
from aihwkit.nn.conversion import convert_to_analog
from aihwkit.simulator.configs import FloatingPointRPUConfig
from torch import nn

from imc_grapes import Grapes, RunConfig
from imc_grapes.experiment.assemble import on_hardware
from imc_grapes.networks.lenet import LeNetConfig
from imc_grapes.networks.resnet9 import ResNet9Config
from imc_grapes.rules import optimizer as optimizer_for

LENET = {"kind": "lenet"}
RESNET9 = {"kind": "resnet9", "width": 2}
HARDWARE_AWARE = {"tile": "aihwkit", "preset": "StandardHWATrainingPreset"}
IN_PLACE = {
    "tile": "pcm",
    "device": {"model": "nandakumar2018"},
    "array": {"rows": 64, "columns": 16, "weight_range": 0.7},
    "io": {"perfect": True},
    "update": {"kind": "accumulated"},
}


def images():
    """Eight; the class of each is the quadrant that is not black."""
    found = torch.zeros(8, 1, 16, 16)
    generator = torch.Generator().manual_seed(1)
    for index, (top, left) in enumerate([(0, 0), (0, 8), (8, 0), (8, 8)] * 2):
        found[index, 0, top : top + 8, left : left + 8] = torch.rand((8, 8), generator=generator)
    return found


def network(config):
    kind = LeNetConfig if config is LENET else ResNet9Config
    return kind(**config).build((1, 16, 16), 4, torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("hardware", "optimizer"),
    [(HARDWARE_AWARE, {"name": "adam", "lr": 0.003}), (IN_PLACE, {"name": "sgd", "lr": 0.1})],
    ids=["HWA", "PCM"],
)
@pytest.mark.parametrize("config", [LENET, RESNET9], ids=["lenet", "resnet9"])
def test_a_few_updates_on_tiles_lower_the_loss(config, hardware, optimizer):
    run = RunConfig.model_validate(
        {"name": "x", "network": config, "hardware": hardware, "training": {"optimizer": optimizer}}
    )
    torch.manual_seed(0)
    model = on_hardware(network(config), run)
    grapes = Grapes(model)
    assert all(float(factors.min()) >= 1.0 for factors in grapes.factors().values())
    assert len(grapes.factors()) == (4 if config is LENET else 8)
    update = optimizer_for(model, run.training.optimizer.name, lr=run.training.optimizer.lr)
    losses = []
    for _ in range(12):
        update.zero_grad()
        loss = nn.functional.cross_entropy(model(images()), torch.arange(8) % 4)
        loss.backward()
        update.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-3:]) < 0.7 * sum(losses[:3])


@pytest.mark.parametrize("mode", ["propagating", "local", "lr_matched"])
@pytest.mark.parametrize("config", [LENET, RESNET9], ids=["lenet", "resnet9"])
def test_on_ideal_tiles_the_errors_are_the_digital_ones(config, mode):
    digital = network(config)
    analog = convert_to_analog(copy.deepcopy(digital), FloatingPointRPUConfig())
    found = []
    for model in (digital, analog):
        Grapes(model, mode)
        x = images().requires_grad_()
        model(x).square().sum().backward()
        norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
        found.append([x.grad, *(norm.weight.grad for norm in norms)])
    for one, other in zip(*found, strict=True):
        assert (one - other).abs().max() < 1e-3 * one.abs().max()
