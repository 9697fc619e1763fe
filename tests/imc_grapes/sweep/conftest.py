import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

BASE = """\
name: tiny
data: {name: digits, batch_size: 32, train_samples: 200, test_samples: 50}
network: {kind: mlp, hidden: [8]}
training:
  epochs: 1
  optimizer: {name: sgd, lr: 0.1}
"""
FAKE = Path(__file__).with_name("fake_sweep.py")


@pytest.fixture
def sweep_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a sweep file beside its base config."""

    def write(text: str, base: str = BASE) -> Path:
        (tmp_path / "base.yaml").write_text(base)
        path = tmp_path / "sweep.yaml"
        path.write_text(f"base: base.yaml\n{text}")
        return path

    return write


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts Python processes in groups of their own, and ends whatever a test has left of them."""
    started = []

    def begin(
        *arguments: str | Path, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "IMC_GRAPES_DATA": "", **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


class Run:
    """A process that has ended."""

    def __init__(self, process: subprocess.Popen[str], timeout: float = 400) -> None:
        self.stdout, self.stderr = process.communicate(timeout=timeout)
        self.status = process.returncode

    @property
    def words(self) -> str:
        """Both outputs, however the terminal's width has broken their lines."""
        return " ".join((self.stdout + self.stderr).split())


@pytest.fixture
def imc_grapes(start: Callable[..., subprocess.Popen[str]]) -> Callable[..., Run]:
    """Runs the command line to its end."""
    code = "from imc_grapes.cli.app import main; main()"
    return lambda *arguments: Run(start("-c", code, *arguments))


@pytest.fixture
def fake_sweep(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> Callable[..., subprocess.Popen[str]]:
    """Starts a sweep of fake trials, which write what they do into `runs.log` in the test's folder."""

    def begin(sweep: Path, out: Path, nap: float = 0.2) -> subprocess.Popen[str]:
        env = {"RUNS_LOG": str(tmp_path / "runs.log"), "NAP": str(nap)}
        return start(FAKE, sweep, out, env=env)

    return begin


@pytest.fixture
def ended(tmp_path: Path) -> Callable[[], list[str]]:
    """The fake trials that came to their end, one entry each time."""

    def read() -> list[str]:
        log = tmp_path / "runs.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line.removeprefix("end ") for line in lines if line.startswith("end ")]

    return read


@pytest.fixture
def wait_to_end() -> type[Run]:
    """Waits for a started process."""
    return Run
