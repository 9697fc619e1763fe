import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import system_packages
from failure import SetupFailure
from interpreter import running
from system_packages import build_requirements, missing, provide, what_to_install

ROOT = Path(__file__).resolve().parents[2]


def program(folder: Path, name: str, script: str = "exit 0") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def bare_system(tmp_path, monkeypatch):
    """A system with neither compiler nor BLAS nor apt; returns the one folder on its PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    for variable in ("CC", "CXX", "CONDA_PREFIX", "OpenBLAS_HOME", "OPENBLAS_ROOT_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.delenv("CMAKE_PREFIX_PATH", raising=False)
    monkeypatch.setattr(system_packages, "_BLAS_PREFIXES", ())
    return folder


def names_missing():
    python = running()
    return [requirement.name for requirement in missing(build_requirements(python), python)]


def test_compiler_and_blas_are_missed_where_they_are_missing(bare_system):
    assert "a C++ compiler" in names_missing()
    assert "the OpenBLAS headers and library" in names_missing()


def test_a_compiler_on_path_is_found(bare_system):
    program(bare_system, "gcc")
    assert "a C++ compiler" in names_missing()
    program(bare_system, "g++")
    assert "a C++ compiler" not in names_missing()


@pytest.mark.parametrize("variable", ["OpenBLAS_HOME", "CONDA_PREFIX", "CMAKE_PREFIX_PATH"])
def test_blas_needs_header_and_library(bare_system, tmp_path, monkeypatch, variable):
    library = "libopenblas.dylib" if sys.platform == "darwin" else "libopenblas.so"
    blas = "the OpenBLAS headers and library"
    prefix = tmp_path / "blas"
    monkeypatch.setenv(variable, str(prefix))
    for folder, file in (("include", "openblas_config.h"), ("lib", library)):
        assert blas in names_missing()
        (prefix / folder).mkdir(parents=True)
        (prefix / folder / file).touch()
    assert blas not in names_missing()


def test_a_dangling_link_is_no_header(bare_system, tmp_path, monkeypatch):
    monkeypatch.setenv("OpenBLAS_HOME", str(tmp_path))
    (tmp_path / "openblas_config.h").symlink_to("gone")
    (tmp_path / "libopenblas.so").touch()
    assert "the OpenBLAS headers and library" in names_missing()


def test_the_message_names_the_package_of_every_package_manager(bare_system):
    python = running()
    wanted = build_requirements(python)[:2]
    with pytest.raises(SetupFailure) as caught:
        provide(wanted, python, bare_system / "log")
    assert caught.value.exit_status == 2
    message = str(caught.value)
    assert "apt-get install g++ libopenblas-dev\n" in message
    assert "dnf install gcc-c++ openblas-devel\n" in message
    assert "brew install gcc openblas\n" in message
    assert "conda install -c conda-forge cxx-compiler openblas\n" in message


def test_the_message_names_only_what_is_missing():
    blas = build_requirements(running())[1]
    assert "apt-get install libopenblas-dev\n" in what_to_install([blas])


def test_root_with_apt_installs_what_is_missing(bare_system, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    python = running()
    compiler = build_requirements(python)[:1]
    calls = tmp_path / "calls"
    installed = f'case "$*" in *install*g++*) for c in gcc g++; do : > {bare_system}/$c;'
    installed += f" /bin/chmod +x {bare_system}/$c; done;; esac"
    program(bare_system, "apt-get", f'echo "$*" >> {calls}\n{installed}')
    provide(compiler, python, tmp_path / "log")
    assert calls.read_text().splitlines()[0].startswith("update")
    assert calls.read_text().splitlines()[1].endswith("g++")


def test_without_root_apt_is_not_called(bare_system, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    calls = tmp_path / "calls"
    program(bare_system, "apt-get", f"echo called > {calls}")
    python = running()
    with pytest.raises(SetupFailure):
        provide(build_requirements(python)[:1], python, tmp_path / "log")
    assert not calls.exists()


def test_apt_that_fails_ends_in_the_message(bare_system, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    program(bare_system, "apt-get", "exit 100")
    python = running()
    with pytest.raises(SetupFailure, match="apt-get install g") as caught:
        provide(build_requirements(python)[:1], python, tmp_path / "log")
    assert caught.value.exit_status == 2


def test_the_program_stops_with_one_message_before_it_makes_anything(tmp_path):
    """The whole program, in a clone of its own, with a PATH that has no compiler."""
    clone = tmp_path / "clone"
    clone.mkdir()
    (clone / "setup").symlink_to(ROOT / "setup")
    real = Path(os.path.realpath(sys.executable))
    starter = (
        "import os, sys; sys.path.insert(0, 'setup'); sys.argv = ['environment.py'];"
        "os.geteuid = lambda: 1000; from pathlib import Path; from steps import run;"
        "sys.exit(run(Path.cwd(), this_python=False))"
    )
    (clone / "pyproject.toml").write_text("")
    result = subprocess.run(
        [real, "-c", starter],
        cwd=clone,
        env={"PATH": str(tmp_path), "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert result.stderr.count("cannot be set up yet") == 1
    assert "Traceback" not in result.stderr
    assert "sudo apt-get install g++" in result.stderr
    assert not (clone / ".venv").exists()
