"""A matrix product with the same bits for any number of threads."""

import torch


def product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """`a @ b` on one thread.

    BLAS splits a product between its threads in ways that depend on their number and changes the order of
    additions with it. The products of a training step on a crossbar take a fraction of a millisecond,
    where a second thread gains little, and loses much when the machine is busy.
    """
    threads = torch.get_num_threads()
    if threads == 1:
        return a @ b
    torch.set_num_threads(1)
    try:
        return a @ b
    finally:
        torch.set_num_threads(threads)
