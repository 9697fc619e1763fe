"""A process that has imported, and compiled, what trials need; worker processes are forked from it ready to run.

Without it every worker, and every worker that replaces a dead one, spends some ten seconds on the same imports and
kernels before its first trial.
"""

import multiprocessing
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import forkserver

from imc_grapes.config import RunConfig
from imc_grapes.config.schema import DigitalHardware, PCMHardware
from kernels.jit_on_call import COMPILE_ON_IMPORT

_ALWAYS = ("distributed", "imc_grapes.sweep.attempt", "torch._dynamo")
_ANALOG_LAYERS = ("aihwkit.nn.conversion",)
_TILES = (
    "crossbar.pcm_tile",
    "crossbar.pcm_simulator_tile",
    "kernels.pair_writing",
    "kernels.pair_refresh",
    "kernels.pulse_counts",
)
_ARRAYS = ("crossbar.array_layers.convert", "kernels.array_io", "kernels.wire_ladders")
_PROGRAMMING = (
    "kernels.bulk_random",
    "kernels.programming",
    "kernels.drift_exponents",
    "kernels.relative_noise",
    "kernels.drifted_read",
)


def needed_modules(configs: list[RunConfig]) -> list[str]:
    """What these trials import, most of it compiled on import."""
    modules = [*_ALWAYS]
    pcm = [config.hardware for config in configs if isinstance(config.hardware, PCMHardware)]
    in_software = any(hardware.in_software for hardware in pcm)
    if not all(hardware.in_software for hardware in pcm):
        modules += _TILES
    if in_software:
        modules += _ARRAYS
    if in_software or any(config.hardware.statistics is not None for config in configs):
        modules += _PROGRAMMING
    modules += dict.fromkeys(one for config in configs for one in config.network.preload)
    if not all(isinstance(config.hardware, DigitalHardware) for config in configs):
        modules += _ANALOG_LAYERS
    return modules


def start_fork_server(modules: list[str], environment: Mapping[str, str]) -> None:
    """Start it, unless this process has one already, and go on while it imports `modules`."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(modules)
    with _environment({**environment, COMPILE_ON_IMPORT: "1"}):
        forkserver.ensure_running()


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Libraries read the number of their threads once, when they are imported."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
