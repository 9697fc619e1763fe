"""Optimizers by name, with the constants of the GRAPES paper."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from imc_grapes.config.schema import OptimizerConfig
from imc_grapes.grapes.layers import is_analog

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


def build_optimizer(model: nn.Module, config: OptimizerConfig) -> torch.optim.Optimizer:
    """The optimizer of `config` over all parameters of `model`, whatever tiles they lie on."""
    optimizer_class, constants = _CLASSES[config.name]
    parameters: Iterable[Any] = model.parameters()
    if not any(is_analog(module) for module in model.modules()):
        return optimizer_class(parameters, lr=config.lr, **constants)
    from aihwkit.optim.analog_optimizer import AnalogOptimizer

    optimizer: torch.optim.Optimizer = AnalogOptimizer(
        optimizer_class, parameters, lr=config.lr, **constants
    )
    optimizer.regroup_param_groups(model)  # type: ignore[attr-defined]
    return optimizer
