"""One trial, as it is handed to a worker, which tells the coordinator when it begins.

What a trial needs is imported on the worker only: the coordinator starts sooner, and lighter, without torch.
"""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from distributed import get_worker

from imc_grapes.config import RunConfig
from imc_grapes.store.records import TrialResult, now

if TYPE_CHECKING:
    from imc_grapes.experiment import Outcome

Runner = Callable[[RunConfig, Path | None], "Outcome"]

STARTED = "imc-grapes trial started"
"""Topic of the event by which a worker says that it begins a trial."""


def run(config: RunConfig, data_dir: Path | None) -> "Outcome":
    """The experiment of `config`, kept in memory."""
    from imc_grapes.experiment import run_experiment

    return run_experiment(config, data_dir=data_dir)


def run_trial(
    trial_hash: str, config: RunConfig, data_dir: Path | None, runner: Runner = run
) -> TrialResult:
    """Run one trial on the Dask worker that this is called on, and say there that it begins.

    Args:
        trial_hash: names the trial in what is told to the coordinator.
        config: the trial.
        data_dir: searched first for data files.
        runner: what makes an outcome of a config.
    """
    from imc_grapes.sweep.attempt import attempt

    told = {"hash": trial_hash, "host": socket.gethostname(), "moment": now()}
    get_worker().log_event(STARTED, told)
    return attempt(config, data_dir, runner)
