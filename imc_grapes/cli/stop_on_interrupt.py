"""The first Ctrl-C asks to stop between two batches; the second one stops at once."""

import signal
import types
from collections.abc import Iterator
from contextlib import contextmanager


class StopFlag:
    """Whether Ctrl-C was pressed."""

    def __init__(self) -> None:
        self.raised = False


@contextmanager
def stop_on_interrupt() -> Iterator[StopFlag]:
    """Within it, SIGINT raises the flag and restores Python's own behaviour for the next one."""
    flag = StopFlag()
    before = signal.getsignal(signal.SIGINT)

    def raise_flag(number: int, frame: types.FrameType | None) -> None:
        flag.raised = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, raise_flag)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, before)
