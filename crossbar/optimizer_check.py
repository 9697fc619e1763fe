"""Refuse optimizers whose rule a PCM tile would not follow.

aihwkit's optimizers hand a tile its learning rate and nothing else: momentum, weight decay and Adam's
moments are ignored, without a word. A tile must not train by another rule than the one that was asked for.
"""

from typing import Any

from aihwkit.optim.analog_optimizer import AnalogSGD
from aihwkit.optim.context import AnalogContext
from torch.optim import Optimizer

from kernels.errors import InputError

_IGNORED = ("momentum", "dampening", "weight_decay", "nesterov", "maximize")


def refuse_ignored_rules(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
    """A step hook of torch: check the groups that hold PCM tiles.

    Raises:
        InputError: the optimizer is not `AnalogSGD`, or a group asks for what the tile would ignore.
    """
    from crossbar.pcm_tile import PCMTile

    for group in optimizer.param_groups:
        tiles = [
            parameter.analog_tile
            for parameter in group["params"]
            if type(parameter) is AnalogContext and isinstance(parameter.analog_tile, PCMTile)
        ]
        if not tiles:
            continue
        if not isinstance(optimizer, AnalogSGD):
            raise InputError(
                f"{type(optimizer).__name__} does not drive a PCM tile; use aihwkit's AnalogSGD, and for "
                "momentum, nag, rmsprop or adam an accumulated update with that optimizer"
            )
        for key in _IGNORED:
            if group.get(key):
                raise InputError(
                    f"AnalogSGD({key}={group[key]!r}) would be ignored by a PCM tile; give the optimizer to "
                    "an accumulated update: PCMConfig(update={'kind': 'accumulated', 'optimizer': ...})"
                )
