# launchdrop. `make run` needs Python 3.11+ and git, nothing else; the rest of the targets set up by themselves.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help setup run test lint bench soak pictures lock

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.ready  ## a .venv with everything, from the hashed lock file

# The lock file is complete, so pip installs it as it stands (--no-deps) and only checks hashes; `pip check` confirms.
# Compiled on all cores instead of by pip, one file after the other; packages' own tests are left out. Not compiling at
# all would cost each start seconds wherever Python may write no bytecode (PYTHONDONTWRITEBYTECODE, a read-only root).
.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"launchdrop needs Python 3.11 or newer; $(PYTHON) is {v.major}.{v.minor}. Try: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing from requirements.lock into .venv (a minute or two the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m pip --disable-pip-version-check check >/dev/null
	@$(BIN)/python -m compileall -q -j 0 -x '/tests/' .venv/lib/python3*/site-packages flows schemas reports
	@touch $@

run: setup  ## take the sample drops in inbox/ through: reports, ledger, due launches
	@$(BIN)/launchdrop run

# By files, so that what starts a server for a whole file starts it once; in their order, which has those that wait for
# servers and schedules in its first half.
test: setup  ## the tests
	@$(BIN)/python -m pytest -m "not soak" -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: setup  ## formatting, style, types, directions of imports
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

bench: setup  ## benchmarks, as a table of ratios (tests/bench/results/)
	@$(BIN)/python -m tests.bench

soak: setup  ## the long fault runs
	@$(BIN)/python -m pytest -m soak --timeout 7200 -o faulthandler_timeout=7500

pictures: setup  ## the pictures of the pages in README.md and reports/README.md
	@$(BIN)/python -m tests.reports.pictures

COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet
lock:  ## make the lock files anew, the image's as a part of the other (needs uv)
	$(COMPILE) --group dev pyproject.toml --output-file requirements.lock
	$(COMPILE) --group build pyproject.toml --constraint requirements.lock --output-file requirements-runtime.lock
