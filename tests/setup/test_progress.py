import io

import pytest
from progress import Progress, duration

NINJA_LOG = """\
  -- Configuring done (3.9s)
  [1/41] Building CXX object CMakeFiles/RPU_CPU.dir/src/rpucuda/math_util.cpp.o
  In file included from torch/include/ATen/Context.h:5,
  [12/41] Building CXX object CMakeFiles/RPU_CPU.dir/src/rpucuda/rpu_pulsed_device.cpp.o
  warning: comparison in index [3/9]
"""


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (271, "4 min 31 s")]
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_a_plain_line_every_20_seconds_when_output_is_no_terminal():
    clock, out = Clock(), io.StringIO()
    progress = Progress("compiling aihwkit", out, clock)
    for line in NINJA_LOG.splitlines():
        progress.read(line)
    for _ in range(450):
        clock.now += 0.1
        progress.tick()
    lines = out.getvalue().splitlines()
    assert lines == [
        "    compiling aihwkit, 12 of 41 steps, 20 s",
        "    compiling aihwkit, 12 of 41 steps, 40 s",
    ]


def test_a_bar_on_a_terminal():
    clock, out = Clock(), Terminal()
    progress = Progress("compiling aihwkit", out, clock)
    for line in NINJA_LOG.splitlines():
        progress.read(line)
    clock.now += 75
    progress.tick()
    drawn = out.getvalue()
    assert "[" + "#" * 7 + "." * 17 + "] 12 of 41 steps  1 min 15 s" in drawn
    assert "\n" not in drawn
    progress.finish("done")
    assert out.getvalue().endswith("1 min 15 s\n")


def test_what_pip_is_busy_with_is_shown():
    clock, out = Clock(), io.StringIO()
    progress = Progress("packages", out, clock)
    progress.read("Collecting torch==2.13.0\n")
    progress.read(
        "  Downloading https://host/a/torch-2.13.0-cp311-cp311-linux_x86_64.whl (200 MB)\n"
    )
    clock.now += 21
    progress.tick()
    progress.read("Installing collected packages: mpmath, torch\n")
    clock.now += 21
    progress.tick()
    assert out.getvalue().splitlines() == [
        "    packages, downloading torch-2.13.0, 21 s",
        "    packages, installing, 42 s",
    ]
