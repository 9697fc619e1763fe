"""Ctrl-C, counted instead of raised: once asks for a clean end, twice for one at once."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """How urgently the user wants the sweep to stop."""

    def __init__(self, on_request: Callable[[int], None]) -> None:
        """`on_request` hears of every request, with how many there have been."""
        self.count = 0
        self._on_request = on_request

    def __bool__(self) -> bool:
        """Whether no further trial is to be started."""
        return self.count > 0

    @property
    def at_once(self) -> bool:
        """Whether running trials are to be abandoned."""
        return self.count > 1

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Count signals while inside; must be entered in the main thread."""
        before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        self._on_request(self.count)
