"""One trial in this process, its errors caught."""

import json
import socket
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from imc_grapes.config import RunConfig
from imc_grapes.config.versions import versions
from imc_grapes.experiment import DivergedError, Outcome
from imc_grapes.grapes.factors import NonFiniteWeightError
from imc_grapes.store.records import TrialResult, now
from kernels.errors import InputError

Runner = Callable[[RunConfig, Path | None], Outcome]


def attempt(config: Callable[[], RunConfig], data_dir: Path | None, runner: Runner) -> TrialResult:
    """Run one trial in this process; whatever it, or getting its config, raises becomes the error of the result."""
    started, clock = now(), time.perf_counter()
    outcome, error = _outcome_or_error(config, data_dir, runner)
    return TrialResult(
        started=started,
        finished=now(),
        seconds=time.perf_counter() - clock,
        host=socket.gethostname(),
        versions=versions(),
        summary=outcome.result if outcome else None,
        metrics=outcome.metrics if outcome else None,
        measurements=outcome.measurements if outcome else None,
        error=error,
    )


def _outcome_or_error(
    config: Callable[[], RunConfig], data_dir: Path | None, runner: Runner
) -> tuple[Outcome | None, str | None]:
    try:
        outcome = runner(config(), data_dir)
        json.dumps([outcome.summary, outcome.metrics, outcome.measurements], allow_nan=False)
    except (InputError, DivergedError, NonFiniteWeightError) as expected:
        return None, str(expected)
    except Exception as unexpected:
        return None, f"{type(unexpected).__name__}: {unexpected}\n{traceback.format_exc()}"
    return outcome, None
