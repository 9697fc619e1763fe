"""Program a network again and again, and score it at several times."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from crossbar.drift_compensation import Compensation
from imc_grapes.evaluate.programmed import ProgrammedNetwork
from imc_grapes.seeding import stream_seed

STANDARD_TIMES_S = (25.0, 3600.0, 86400.0, 2592000.0, 31536000.0)
"""25 s after programming, an hour, a day, a month (30 days), a year (365 days)."""


@dataclass(frozen=True)
class Read:
    """What a network scored at one time, with the devices of one repeat."""

    time_s: float
    compensation: Compensation
    repeat: int
    scores: dict[str, float]
    """By the name of the metric."""


def read_over_time(
    scores: Callable[[], dict[str, float]],
    programmed: ProgrammedNetwork,
    *,
    times_s: Iterable[float],
    repeats: int,
    compensation: Sequence[Compensation],
    seed: int,
    on_read: Callable[[], None] = lambda: None,
) -> list[Read]:
    """Program `repeats` times, and score at every time and with every kind of compensation.

    All kinds of compensation see the same devices and the same read. Times are visited in rising order; the network is
    given back as it was trained, also after an exception.

    Args:
        scores: what the network scores as it computes now.
        programmed: the means to program and read it.
        times_s: s since programming.
        repeats: how often it is programmed.
        compensation: which kinds.
        seed: fixes the devices of every repeat.
        on_read: called after every time.

    Returns:
        A read per repeat, time and compensation, in that order.

    Raises:
        InputError: the hardware does not have such a compensation.
    """
    programmed.check(compensation)
    readings = []
    try:
        for repeat in range(repeats):
            programmed.program(stream_seed(seed, "programming", repeat))
            for time_s in sorted(times_s):
                programmed.read(time_s)
                for kind in compensation:
                    with programmed.compensated(kind):
                        now = scores()
                    readings.append(Read(time_s, kind, repeat, now))
                on_read()
    finally:
        programmed.finish()
    return readings
