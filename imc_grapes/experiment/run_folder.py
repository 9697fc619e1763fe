"""The folder of a run: config, metrics, summary, measurements, checkpoint. Nothing in it is overwritten unasked."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imc_grapes.config import RunConfig, config_hash
from imc_grapes.config.identity import file_changes, file_digests
from imc_grapes.config.load import validate
from imc_grapes.config.yaml_file import dump_yaml, read_yaml
from imc_grapes.experiment.atomic_file import write_text
from imc_grapes.experiment.outcome import Outcome
from imc_grapes.lock import RUN_FILE_NAME, exclusive
from imc_grapes.summary import Summary
from kernels.errors import InputError


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run's files, and what may be done with what they hold."""

    path: Path

    @property
    def config(self) -> Path:
        """The resolved config."""
        return self.path / "config.yaml"

    @property
    def files(self) -> Path:
        """Digests of the files that the config names; there only if it names any."""
        return self.path / "files.json"

    @property
    def metrics(self) -> Path:
        """A line of JSON per epoch."""
        return self.path / "metrics.jsonl"

    @property
    def summary(self) -> Path:
        """The result; there only when the run is over."""
        return self.path / "summary.json"

    @property
    def measurements(self) -> Path:
        """Durations, dates, memory."""
        return self.path / "measurements.json"

    @property
    def checkpoint(self) -> Path:
        """All that is needed to go on."""
        return self.path / "checkpoint.pt"

    def find(self, config: RunConfig, *, resume: bool) -> Outcome | None:
        """The finished outcome if the folder already holds it; nothing is written.

        Raises:
            InputError: the path is a file, or the folder holds another run, or one to be resumed without `resume`.
        """
        with self._accessible():
            if self.path.exists() and not self.path.is_dir():
                raise InputError(f"{self.path}: is a file, not a folder; choose another --out")
            if not self.config.exists():
                if self.path.exists() and {one.name for one in self.path.iterdir()} - {
                    RUN_FILE_NAME
                }:
                    raise InputError(
                        f"{self.path}: is not empty and holds no run; choose a new folder with --out"
                    )
                return None
            self.refuse_other_configs(config)
            if self.summary.exists():
                return self._read_outcome()
            if not resume and self.checkpoint.exists():
                raise InputError(
                    f"{self.path}: holds an unfinished run of this config; add --resume to continue it, "
                    "or choose another --out"
                )
        return None

    def refuse_other_configs(self, config: RunConfig) -> None:
        """Make sure that the run in the folder is one of `config`, with the files that it names as they are now.

        Raises:
            InputError: it is not; the message names a file that has changed.
        """
        now, before = file_digests(config), self._held_digests()
        changes = file_changes(before, now)
        if changes:
            listed = "\n  ".join(changes)
            raise InputError(
                f"{self.path}: holds a run of other files:\n  {listed}\nundo the change, or choose another --out"
            )
        held = config_hash(validate(RunConfig, read_yaml(self.config)), before)
        identity = config_hash(config, now)
        if held != identity:
            raise InputError(
                f"{self.path}: holds a run of another config (hash {held}, this one is {identity}); "
                "choose another --out"
            )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder, and keep every other run out of it.

        Raises:
            InputError: that is not possible there, or a run is going on in it.
        """
        with self._accessible():
            self.path.mkdir(parents=True, exist_ok=True)
            lock = exclusive(self.path, "run")
            lock.__enter__()
        try:
            yield
        finally:
            lock.__exit__(None, None, None)

    def create(self, config: RunConfig) -> None:
        """Write the resolved config into the folder.

        Raises:
            InputError: that is not possible there.
        """
        values, digests = config.model_dump(mode="json"), file_digests(config)
        header = f"# Resolved config of this run, hash {config_hash(config, digests)}.\n"
        with self._accessible():
            if digests:
                write_text(self.files, json.dumps(digests, indent=2) + "\n")
            write_text(self.config, header + dump_yaml(values))

    def write_metrics(self, metrics: Iterable[dict[str, Any]]) -> None:
        """All epochs so far."""
        write_text(self.metrics, "".join(json.dumps(line) + "\n" for line in metrics))

    def write_outcome(self, outcome: Outcome) -> None:
        """The results; the summary last, since its presence says that the run is over."""
        self.write_metrics(outcome.metrics)
        write_text(self.measurements, json.dumps(outcome.measurements, indent=2) + "\n")
        write_text(self.summary, json.dumps(outcome.summary, indent=2) + "\n")

    @contextmanager
    def _accessible(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(
                f"{self.path}: cannot be used for results ({error.strerror}); choose another --out"
            ) from None

    def _held_digests(self) -> dict[str, str]:
        if not self.files.exists():
            return {}
        try:
            digests: dict[str, str] = json.loads(self.files.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{self.files}: cannot be read ({error}); choose another --out"
            ) from None
        return digests

    def _read_outcome(self) -> Outcome:
        try:
            lines = self.metrics.read_text(encoding="utf-8").splitlines()
            return Outcome(
                result=Summary.read(self.summary),
                metrics=[json.loads(line) for line in lines],
                measurements=json.loads(self.measurements.read_text(encoding="utf-8")),
            )
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(
                f"{self.path}: holds a finished run whose files cannot be read ({error}); "
                "choose another --out"
            ) from None
