"""Linear algebra with the same bits for any number of threads."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it torch computes on one thread.

    BLAS and LAPACK split their work between threads in ways that depend on their number and change the order of
    additions with it.
    """
    threads = torch.get_num_threads()
    if threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """`a @ b` on one thread.

    The products of a training step on a crossbar take a fraction of a millisecond, where a second thread gains little,
    and loses much when the machine is busy.
    """
    with one_thread():
        return a @ b
