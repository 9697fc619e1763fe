"""Optimizers by name, with the constants of the GRAPES paper."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from imc_grapes.config.schema import OptimizerConfig
from imc_grapes.grapes.incoming_weights import is_analog
from imc_grapes.training.joint_optimizer import JointOptimizer

DECAY = 0.9
ADAM_BETAS = (0.9, 0.999)
EPSILON = 1e-8

_CLASSES: dict[str, tuple[Callable[..., torch.optim.Optimizer], dict[str, Any]]] = {
    "sgd": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"momentum": DECAY}),
    "nag": (torch.optim.SGD, {"momentum": DECAY, "nesterov": True}),
    "rmsprop": (torch.optim.RMSprop, {"alpha": DECAY, "eps": EPSILON}),
    "adam": (torch.optim.Adam, {"betas": ADAM_BETAS, "eps": EPSILON}),
}

STATE_PER_WEIGHT = {"sgd": 0, "momentum": 1, "nag": 1, "rmsprop": 1, "adam": 2}
"""Numbers that each optimizer keeps per weight from one update to the next."""


AnyOptimizer = torch.optim.Optimizer | JointOptimizer


def build_optimizer(model: nn.Module, config: OptimizerConfig) -> AnyOptimizer:
    """The optimizer of `config` over all parameters of `model`, whatever tiles they lie on."""
    optimizer_class, constants = _CLASSES[config.name]
    if not any(is_analog(module) for module in model.modules()):
        return optimizer_class(model.parameters(), lr=config.lr, **constants)
    from aihwkit.optim.analog_optimizer import AnalogOptimizer, AnalogSGD

    run_by_tiles = [p for p in model.parameters() if _updates_itself(p)]
    if not run_by_tiles:
        analog: torch.optim.Optimizer = AnalogOptimizer(
            optimizer_class, model.parameters(), lr=config.lr, **constants
        )
        analog.regroup_param_groups(model)  # type: ignore[attr-defined]
        return analog
    tiles = AnalogSGD(run_by_tiles, lr=config.lr)
    tiles.regroup_param_groups(model)
    rest = [p for p in model.parameters() if not _updates_itself(p)]
    return (
        JointOptimizer(tiles, optimizer_class(rest, lr=config.lr, **constants)) if rest else tiles
    )


def _updates_itself(parameter: Any) -> bool:
    """Whether this stands for a tile that runs the optimizer's rule in its own periphery."""
    return hasattr(getattr(parameter, "analog_tile", None), "update_state_arrays")
