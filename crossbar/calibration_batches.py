"""What calibration samples may be given as."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor

from kernels.errors import InputError


def inputs_of(batch: Any, key: str) -> Any:
    """The inputs of one batch.

    Args:
        batch: inputs, or a tuple or list that begins with them.
        key: the argument, for messages.

    Raises:
        InputError: the batch is empty.
    """
    inputs = batch[0] if isinstance(batch, tuple | list) else batch
    if isinstance(inputs, Tensor) and inputs.numel() == 0:
        raise InputError(f"{key}: holds a batch without samples")
    return inputs


def refuse_one_tensor(batches: Iterable[Any], key: str) -> None:
    """Refuse a tensor, whose samples would be taken for batches.

    Args:
        batches: several batches.
        key: the argument, for messages.

    Raises:
        InputError: it is a tensor.
    """
    if isinstance(batches, Tensor):
        raise InputError(
            f"{key}: must be an iterable of batches (got one tensor); put it into a list"
        )
