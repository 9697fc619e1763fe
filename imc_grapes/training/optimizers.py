"""Optimizers by name, with the constants of the GRAPES authors' code unless the tiles have others, in torch's form.

Momentum, NAG (the weights that are kept are those of the look-ahead point) and Adam (bias-corrected, epsilon beside the
root) are then the authors' rules as long as the learning rate stands still: theirs multiplies the gradient as it enters
the velocity, torch's the velocity as it leaves it, which differ once ``lr_decay`` is below 1. RMSprop differs: the
authors' epsilon stands inside the root, ``g / sqrt(s + 1e-8)``, and torch's beside it, ``g / (sqrt(s) + 1e-8)``, so
that gradients well below 1e-4 move weights less in their code.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from crossbar.specs import AccumulatedSpec, OptimizerSpec
from imc_grapes.config.schema import OptimizerConfig
from imc_grapes.layers.incoming_weights import is_analog
from imc_grapes.training.joint_optimizer import JointOptimizer
from kernels.errors import InputError

_RULES: dict[
    str, tuple[Callable[..., torch.optim.Optimizer], Callable[[OptimizerSpec], dict[str, Any]]]
] = {
    "sgd": (torch.optim.SGD, lambda spec: {}),
    "momentum": (torch.optim.SGD, lambda spec: {"momentum": spec.momentum}),
    "nag": (torch.optim.SGD, lambda spec: {"momentum": spec.momentum, "nesterov": True}),
    "rmsprop": (torch.optim.RMSprop, lambda spec: {"alpha": spec.alpha, "eps": spec.eps}),
    "adam": (torch.optim.Adam, lambda spec: {"betas": spec.betas, "eps": spec.eps}),
}

STATE_PER_WEIGHT = {"sgd": 0, "momentum": 1, "nag": 1, "rmsprop": 1, "adam": 2}
"""Numbers that each optimizer keeps per weight from one update to the next."""


AnyOptimizer = torch.optim.Optimizer | JointOptimizer


def build_optimizer(model: nn.Module, config: OptimizerConfig) -> AnyOptimizer:
    """The optimizer of `config` over all parameters of `model`, whatever tiles they lie on.

    Tiles that run the rule on their accumulators and the digital parameters beside them share its constants.

    Raises:
        InputError: the tiles run another rule, or one rule with several constants.
    """
    optimizer_class, constants_of = _RULES[config.name]
    constants = constants_of(_shared_spec(model, config))
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


def _shared_spec(model: nn.Module, config: OptimizerConfig) -> OptimizerSpec:
    specs = set(_rules_of_tiles(model))
    if len(specs) > 1:
        raise InputError(
            f"update.optimizer: differs between the tiles of one model ({', '.join(map(str, specs))}); the digital "
            "parameters beside them need one rule"
        )
    spec = specs.pop() if specs else OptimizerSpec(name=config.name)
    if spec.name != config.name:
        raise InputError(
            f"training.optimizer.name: must be that of the tiles, {spec.name} (got {config.name})"
        )
    return spec


def _rules_of_tiles(model: nn.Module) -> Iterator[OptimizerSpec]:
    """The rule of every tile that updates itself, whatever the word length of what it keeps."""
    for parameter in model.parameters():
        if _updates_itself(parameter):
            tile: Any = parameter
            update = tile.analog_tile.rpu_config.update
            if isinstance(update, AccumulatedSpec):
                yield update.optimizer.model_copy(update={"state_bits": 32})
            else:
                yield OptimizerSpec(name="sgd")


def _updates_itself(parameter: Any) -> bool:
    """Whether this stands for a tile that runs the optimizer's rule in its own periphery."""
    return hasattr(getattr(parameter, "analog_tile", None), "update_state_arrays")
