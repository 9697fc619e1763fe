import subprocess
import sys
from pathlib import Path

from interpreter import describe, in_environment, running


def test_a_python_that_does_not_run_is_none(tmp_path):
    assert describe(str(tmp_path / "python")) is None


def test_the_python_below_a_virtual_environment_is_described():
    python = running()
    assert python.version == "{}.{}.{}".format(*sys.version_info[:3])
    assert not (Path(python.executable).parent.parent / "pyvenv.cfg").exists()
    assert python.minor_version == "{}.{}".format(*sys.version_info[:2])


def test_an_environment_is_used_only_where_it_was_made(tmp_path):
    venv = tmp_path / "here"
    make = [running().executable, "-m", "venv", "--without-pip", str(venv)]
    subprocess.run(make, check=True)
    assert in_environment(venv) is None, "it has no pip"
    site = next(venv.glob("lib/python*/site-packages"))
    (site / "pip").mkdir()
    (site / "pip" / "__init__.py").touch()
    assert in_environment(venv).executable == str(venv / "bin" / "python")
    moved = venv.rename(tmp_path / "there")
    assert in_environment(moved) is None
    assert in_environment(tmp_path / "nowhere") is None
