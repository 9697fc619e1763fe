"""Run a per-column kernel over blocks of columns, one thread each.

Columns are independent, so the result has the same bits for any number of threads; the kernels themselves stay serial
and compile in a fraction of the time that Numba's own parallel loops take.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise

from kernels.threads import get_threads

WORTH_A_THREAD = 1 << 18
"""Devices below which handing a block to another thread costs more than it saves."""


def for_blocks(n_columns: int, devices: int, kernel: Callable[[int, int], None]) -> None:
    """Call ``kernel(first, past_last)`` for blocks that cover ``range(n_columns)``.

    Args:
        n_columns: number of columns.
        devices: number of devices in all columns together; decides how many threads are worth it.
        kernel: must release the GIL and touch only the columns of its block.
    """
    threads = min(get_threads(), n_columns, devices // WORTH_A_THREAD)
    if threads <= 1:
        kernel(0, n_columns)
        return
    edges = [n_columns * index // threads for index in range(threads + 1)]
    futures = [
        _pool(threads).submit(kernel, first, past_last) for first, past_last in pairwise(edges[1:])
    ]
    kernel(0, edges[1])
    for future in futures:
        future.result()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="column-block")


# A forked process inherits the pool but not its threads, and would wait for them for ever.
os.register_at_fork(after_in_child=_pool.cache_clear)
