"""How many threads the kernels may use; no result depends on it.

Numba's own thread pool is never started: its OpenMP layer resets the number of threads that torch uses in the same
process, and with it the order of torch's sums and the last bits of a training.
"""

import numba

_limit = int(numba.config.NUMBA_NUM_THREADS)


def get_threads() -> int:
    """Threads that a kernel may use; at first NUMBA_NUM_THREADS, or else every core."""
    return _limit


def set_threads(threads: int) -> None:
    """Use at most `threads` threads from now on.

    Raises:
        ValueError: `threads` is below 1.
    """
    global _limit
    if threads < 1:
        raise ValueError(f"threads must be at least 1 (got {threads})")
    _limit = threads
