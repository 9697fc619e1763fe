"""Networks of more weights than a machine has room for: refused before the room is taken."""

import math
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from kernels.errors import InputError

MOST_NUMBERS = 1 << 30
"""4 GiB in float32, of which a training takes several times as much."""

_aten = torch.ops.aten
_MAKE_ROOM = (_aten.empty, _aten.zeros, _aten.ones, _aten.full, _aten.rand, _aten.randn, _aten.eye)


class WeightLimit(TorchDispatchMode):
    """Within the block, tensors of a network are made as long as all of them together are not too large.

    Raises:
        InputError: a tensor would bring them above 2^30 numbers.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._made = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func.overloadpacket in _MAKE_ROOM and args:
            shape = [int(size) for size in args[0]] if isinstance(args[0], list | tuple) else []
            self._made += math.prod(shape)
            if self._made > MOST_NUMBERS:
                raise InputError(
                    f"network: with a layer of shape {shape} its weights would be more than {MOST_NUMBERS:,} numbers, "
                    "the most that is built; make its layers narrower"
                )
        return func(*args, **(kwargs or {}))
