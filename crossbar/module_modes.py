"""Training and evaluation mode of every module, kept."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def modes_kept(model: nn.Module) -> Iterator[None]:
    """Behind the block every module is in the mode it was in before: frozen batch normalisation stays frozen.

    `model.train(was_training)` would put all modules into the mode of the outermost one.

    Args:
        model: any model.
    """
    modes = [(module, module.training) for module in model.modules()]
    outermost = model.training
    try:
        yield
    finally:
        model.train(outermost)  # for what modules do in a `train` of their own
        for module, training in modes:
            module.training = training
