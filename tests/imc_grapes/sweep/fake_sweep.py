"""A sweep whose trials only nap: `fake_sweep.py SWEEP OUT`. What a trial does hangs on its learning rate."""

import os
import sys
import time
from pathlib import Path

from rich.console import Console

from imc_grapes.experiment import Outcome
from imc_grapes.summary import Summary
from imc_grapes.sweep import load_sweep
from imc_grapes.sweep.run import run_sweep
from kernels.errors import InputError

RAISES, KILLS_ITS_WORKER, NOT_A_NUMBER = 0.5, 0.7, 0.9


def fake(config, data_dir):  # type: ignore[no-untyped-def]
    """Say what is done in the log, nap, wait while there is a file called hold, succeed or not."""
    lr = config.training.optimizer.lr
    trial = f"{lr}-{config.seed}"
    _log(f"begin {trial} {os.getpid()}")
    time.sleep(float(os.environ["NAP"]))
    while Path(os.environ["RUNS_LOG"]).with_name("hold").exists():
        time.sleep(0.05)
    if lr == RAISES:
        raise ZeroDivisionError("on purpose")
    if lr == KILLS_ITS_WORKER:
        os._exit(1)
    accuracy = float("nan") if lr == NOT_A_NUMBER else 0.9
    _log(f"end {trial}")
    summary = {
        "test_accuracy": accuracy,
        "validation_accuracy": 0.9,
        "optimizer_state_bytes": 0,
        "drift": [],
    }
    return Outcome(Summary.of(summary), [], {})


def _log(line: str) -> None:
    with Path(os.environ["RUNS_LOG"]).open("a") as log:
        log.write(f"{line}\n")


if __name__ == "__main__":
    try:
        print(
            run_sweep(
                load_sweep(Path(sys.argv[1])),
                Path(sys.argv[2]),
                Console(width=200),
                workers=2,
                runner=fake,
            )
        )
    except InputError as error:
        print(error)
        sys.exit(2)
