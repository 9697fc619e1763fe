"""Set up the project's virtual environment; `make setup` calls this file as a program.

Only the standard library is used, and this file alone must also parse on old Pythons, so that
they get a message and not a syntax error. Everything else lives in the modules beside it.
"""

import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
OTHER_NAMES = ("python3.14", "python3.13", "python3.12", "python3.11")

TOO_OLD = """\
imc-grapes needs Python 3.11 or newer; {found} is {version} and no newer one is on PATH.
Install one with one of

  apt    sudo apt-get install python3.11 python3.11-venv python3.11-dev
  dnf    sudo dnf install python3.11 python3.11-devel
  brew   brew install python@3.11
  conda  conda install -c conda-forge python=3.11

and run `make setup PYTHON=python3.11`."""


def newer_python() -> "str | None":
    """Return the path of a Python on PATH that is new enough and runs, or None."""
    for name in OTHER_NAMES:
        path = shutil.which(name)
        # pyenv leaves shims on PATH for versions that are not active: they exist and fail.
        if path and subprocess.call([path, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            return path
    return None


def main() -> int:
    """Continue with a Python that is new enough, and return the exit status."""
    if tuple(sys.version_info) < OLDEST:
        python = newer_python()
        if python is None:
            version = ".".join(str(part) for part in sys.version_info[:3])
            print(TOO_OLD.format(found=sys.executable, version=version), file=sys.stderr)
            return 2
        return subprocess.call([python] + sys.argv)  # noqa: RUF005 - old Pythons parse this

    from steps import run

    return run(Path(__file__).resolve().parent.parent, this_python="--this-python" in sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
