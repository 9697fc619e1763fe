"""One trial, as it is handed to a worker, which tells the coordinator when it begins.

What a trial needs is imported on the worker only: the coordinator starts sooner, and lighter, without torch.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from distributed import get_worker

from imc_grapes.config import RunConfig
from imc_grapes.config.identity import file_changes, file_digests
from imc_grapes.plugins import Plugin, load_again, loaded_plugins
from imc_grapes.store.plan import Trial
from imc_grapes.store.records import TrialResult, now
from kernels.errors import InputError

if TYPE_CHECKING:
    from imc_grapes.experiment import Outcome

Runner = Callable[[RunConfig, Path | None], "Outcome"]

STARTED = "imc-grapes trial started"
"""Topic of the event by which a worker says that it begins a trial."""


@dataclass(frozen=True)
class SentConfig:
    """A trial's config on its way to a worker, with the plugins that it needs there.

    It travels as JSON: the parameters of a plugin's entries can be made again only where the plugin is loaded.
    """

    trial_hash: str
    values: str
    files: dict[str, str]
    """Digests of the files that it names, as they are here."""
    plugins: tuple[Plugin, ...]

    @classmethod
    def of(cls, trial: Trial) -> "SentConfig":
        """A trial of a sweep, with every plugin of this process."""
        config = trial.config
        return cls(trial.hash, config.model_dump_json(), file_digests(config), loaded_plugins())

    def unpacked(self) -> RunConfig:
        """The config, on the worker.

        Raises:
            InputError: a plugin, or a file that the config names, is another one here.
        """
        load_again(self.plugins)
        config = RunConfig.model_validate_json(self.values, strict=True)
        changes = file_changes(self.files, file_digests(config))
        if changes:
            raise InputError(f"on {socket.gethostname()}: {', '.join(changes)}")
        return config


def run(
    config: RunConfig,
    data_dir: Path | None,
    device: Literal["cpu", "cuda"] = "cpu",
    threads: int = 1,
) -> "Outcome":
    """The experiment of `config`, kept in memory."""
    from imc_grapes.experiment import run_experiment

    return run_experiment(config, data_dir=data_dir, device=device, threads=threads)


def run_trial(sent: SentConfig, data_dir: Path | None, runner: Runner = run) -> TrialResult:
    """Run one trial on the Dask worker that this is called on, and say there that it begins.

    Args:
        sent: the trial.
        data_dir: searched first for data files.
        runner: what makes an outcome of a config.
    """
    from imc_grapes.sweep.attempt import attempt

    told = {"hash": sent.trial_hash, "host": socket.gethostname(), "moment": now()}
    get_worker().log_event(STARTED, told)
    return attempt(sent.unpacked, data_dir, runner)
