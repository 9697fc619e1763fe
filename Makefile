# `make setup PYTHON=python3.12` makes the environment with that Python; otherwise it is python3,
# or the Python that .venv already has.
PYTHON = python3
BIN = .venv/bin

.DEFAULT_GOAL = help
.PHONY: help setup demo test lint bench clean

help:   ## show this list
	@sed -n 's/^\([a-z]*\): .*## /  make \1\t/p' Makefile

setup:  ## .venv with torch, aihwkit compiled against it (once, about 5 minutes), and the project
	@$(PYTHON) setup/environment.py $(if $(filter command,$(origin PYTHON)),--this-python)

demo: setup  ## train the digits network with five methods and compare them: results/demo
	@$(BIN)/imc-grapes sweep configs/demo.yaml --out results/demo

test: setup  ## run the tests, in two processes of one thread
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: setup  ## check style, types and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy --strict setup
	@$(BIN)/lint-imports

bench: setup  ## measure speed against aihwkit, torch and the memory bandwidth of this machine
	@set -e; for script in benchmarks/bench_*.py; do $(BIN)/python $$script; done

clean:  ## remove build outputs and tool caches; results, .venv and the wheel cache stay
	@rm -rf build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis .benchmarks .import_linter_cache
	@find . -name .venv -prune -o -name results -prune -o -name __pycache__ -type d -exec rm -rf {} +
