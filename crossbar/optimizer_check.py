"""Before an optimizer steps: refuse rules that a PCM tile would not follow, and hand its gradient over.

aihwkit's optimizers hand a tile its learning rate and nothing else: momentum, weight decay and Adam's
moments are ignored, without a word. A tile must not train by another rule than the one that was asked for.
"""

from typing import Any

import torch
from aihwkit.optim.analog_optimizer import AnalogSGD
from torch.optim import Optimizer

from crossbar.weight_gradient import TileContext
from kernels.errors import InputError


class StepsByParts:
    """Marks an optimizer that updates nothing itself, but by other optimizers: those are checked as they step."""


_IGNORED = ("momentum", "dampening", "weight_decay", "nesterov", "maximize")


def before_step(optimizer: Optimizer, args: Any, kwargs: Any) -> tuple[Any, Any] | None:
    """A step hook of torch: check the groups that hold PCM tiles, and begin their step.

    A closure is called here, since it fills the gradients; the step gets its result.

    Raises:
        InputError: the optimizer is not `AnalogSGD`, or a group asks for what the tile would ignore.
    """
    if isinstance(optimizer, StepsByParts):
        return None
    contexts = [
        parameter
        for group in optimizer.param_groups
        for parameter in group["params"]
        if isinstance(parameter, TileContext)
    ]
    if not contexts:
        return None
    _refuse_ignored_rules(optimizer)
    closure = kwargs.get("closure", args[1] if len(args) > 1 else None)
    if closure is not None:
        with torch.enable_grad():
            loss = closure()
        args, kwargs = args[:1], {**kwargs, "closure": lambda: loss}
    for context in contexts:
        context.begin_step()
    return args, kwargs


def _refuse_ignored_rules(optimizer: Optimizer) -> None:
    for group in optimizer.param_groups:
        if not any(isinstance(parameter, TileContext) for parameter in group["params"]):
            continue
        if not isinstance(optimizer, AnalogSGD):
            raise InputError(
                f"{type(optimizer).__name__} does not drive a PCM tile; use imc_grapes.optimizer(model, rule, lr), "
                "or aihwkit's AnalogSGD, which leaves the rule to the tile"
            )
        for key in _IGNORED:
            if group.get(key):
                raise InputError(
                    f"AnalogSGD({key}={group[key]!r}) would be ignored by a PCM tile; use "
                    "imc_grapes.optimizer(model, rule, lr), or give the rule to an accumulated update: "
                    "PCMConfig(update={'kind': 'accumulated', 'optimizer': ...})"
                )
