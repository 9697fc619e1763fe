"""One process per measurement, so that none sees what another has allocated."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from imc_grapes.config import RunConfig
from imc_grapes.config.schema import PCMHardware
from imc_grapes.data.dataset import Dataset
from imc_grapes.experiment.footprint.host import HostMeasurement, Start, measure_method
from imc_grapes.plugins import load_again, loaded_plugins

_COMPILING_UPDATES = 11
"""So many that the first refresh is among them."""


def measure_in_fresh_processes(
    configs: Sequence[RunConfig],
    dataset: Dataset,
    updates: int,
    after: int,
    start: Start | None,
) -> list[HostMeasurement]:
    """`measure_method` of every config, each in a process that has measured nothing else.

    A new process compiles the kernels and forks one process for each config.
    """
    with ProcessPoolExecutor(
        1,
        mp_context=get_context("spawn"),
        initializer=load_again,
        initargs=(loaded_plugins(),),
    ) as compiling:
        return compiling.submit(
            _measure_each, tuple(configs), dataset, updates, after, start
        ).result()


def _measure_each(
    configs: Sequence[RunConfig],
    dataset: Dataset,
    updates: int,
    after: int,
    start: Start | None,
) -> list[HostMeasurement]:
    one_of_each = {
        config.hardware.update.kind: config
        for config in configs
        if isinstance(config.hardware, PCMHardware)
    }
    for config in one_of_each.values():
        measure_method(config, dataset, _COMPILING_UPDATES)
    return [_in_a_fork(config, dataset, updates, after, start) for config in configs]


def _in_a_fork(
    config: RunConfig, dataset: Dataset, updates: int, after: int, start: Start | None
) -> HostMeasurement:
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as fresh:
        return fresh.submit(measure_method, config, dataset, updates, after, start).result()
