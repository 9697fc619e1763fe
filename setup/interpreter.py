"""What the set-up has to know about a Python interpreter, asked from that interpreter."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_QUESTION = """\
import importlib.util, json, sys, sysconfig
print(json.dumps({
    "version": "%d.%d.%d" % sys.version_info[:3],
    "abi": sysconfig.get_config_var("SOABI") or sys.implementation.cache_tag,
    "platform": sysconfig.get_platform(),
    "multiarch": sysconfig.get_config_var("MULTIARCH") or "",
    "include": sysconfig.get_path("include"),
    "has_ensurepip": importlib.util.find_spec("ensurepip") is not None,
    "has_pip": importlib.util.find_spec("pip") is not None,
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """One Python: where it is, its version, binary interface, platform and headers."""

    executable: str
    version: str
    abi: str
    platform: str
    multiarch: str
    include: str
    has_ensurepip: bool
    has_pip: bool

    @property
    def minor_version(self) -> str:
        """Return the version as packages are named after it, e.g. `3.11`."""
        return ".".join(self.version.split(".")[:2])


def describe(executable: str) -> Interpreter | None:
    """Ask `executable` about itself; None if it does not run."""
    try:
        answer = subprocess.run(
            [executable, "-I", "-c", _QUESTION], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return Interpreter(executable=executable, **json.loads(answer.stdout))


def running() -> Interpreter:
    """Describe the Python that runs this, or the one below it when that is a virtual environment.

    Without the second half, `make setup` from inside the activated `.venv` would delete its own
    interpreter when it makes the environment anew.
    """
    base = getattr(sys, "_base_executable", sys.executable)
    interpreter = describe(base)
    if interpreter is None:
        raise RuntimeError(f"{base} does not run")
    return interpreter


def in_environment(venv: Path) -> Interpreter | None:
    """Describe the Python of a virtual environment; None if it cannot be used as it stands.

    An environment that was moved or copied cannot: its scripts name the old place.
    """
    try:
        settings = (venv / "pyvenv.cfg").read_text()
    except OSError:
        return None
    made_here = any(
        line.startswith("command = ") and line.endswith(f" {venv}") for line in settings.split("\n")
    )
    interpreter = describe(str(venv / "bin" / "python")) if made_here else None
    return interpreter if interpreter is not None and interpreter.has_pip else None
