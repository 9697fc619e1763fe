"""How far a long step is, read from its output: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from typing import TextIO

PLAIN_INTERVAL_S = 20.0
BAR_WIDTH = 24

_NINJA = re.compile(r"^\s*\[(\d+)/(\d+)\] ")
_PIP = re.compile(r"^\s*(Downloading|Preparing metadata|Installing collected)(?: (\S+))?")


def duration(seconds: float) -> str:
    """Return a human-readable duration: `7 s`, `4 min 31 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


class Progress:
    """Shows the progress of one step whose output lines are handed to `read`.

    `tick` is to be called several times a second, so that the time goes on when no line comes.
    """

    def __init__(
        self, title: str, stream: TextIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start the clock of the step called `title`."""
        self._title = title
        self._stream = stream
        self._clock = clock
        self._start = clock()
        self._last_plain_line = self._start
        self._terminal = stream.isatty()
        self._fraction: float | None = None
        self._detail = ""

    @property
    def elapsed_s(self) -> float:
        """Return the seconds since the step began."""
        return self._clock() - self._start

    def read(self, line: str) -> None:
        """Learn from one line of output: ninja's `[12/41]`, or what pip is busy with."""
        if ninja := _NINJA.match(line):
            done, total = int(ninja[1]), int(ninja[2])
            self._fraction = done / total
            self._detail = f"{done} of {total} steps"
        elif pip := _PIP.match(line):
            self._detail = pip[1].split()[0].lower()
            if self._detail == "downloading":
                file = pip[2].rsplit("/", 1)[-1]
                self._detail += " " + "-".join(file.split("-")[:2])

    def tick(self) -> None:
        """Redraw the bar, or print a plain line when it is time for one."""
        if self._terminal:
            self._draw()
        elif self._clock() - self._last_plain_line >= PLAIN_INTERVAL_S:
            self._last_plain_line = self._clock()
            parts = [self._title, self._detail, duration(self.elapsed_s)]
            print("    " + ", ".join(part for part in parts if part), file=self._stream, flush=True)

    def finish(self, result: str = "") -> None:
        """Replace the bar by one line that says what the step did and how long it took."""
        if self._terminal:
            self._stream.write("\r\x1b[K")
        text = result or self._title
        print(f"  {text:<58} {duration(self.elapsed_s):>12}", file=self._stream, flush=True)

    def abandon(self) -> None:
        """Take the bar off the screen after a failure, so that the message stands alone."""
        if self._terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _draw(self) -> None:
        bar = ""
        if self._fraction is not None:
            full = round(self._fraction * BAR_WIDTH)
            bar = "[" + "#" * full + "." * (BAR_WIDTH - full) + "] "
        line = f"  {self._title} {bar}{self._detail}  {duration(self.elapsed_s)}"
        width = shutil.get_terminal_size().columns - 1
        self._stream.write("\r\x1b[K" + line[:width])
        self._stream.flush()
