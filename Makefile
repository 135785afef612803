# launchdrop. `make run` needs only Python 3.11+ and git. Every target does the setup it needs.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help setup run test lint bench soak pictures lock

help:  ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.ready  ## create .venv with all dependencies, from the hashed lock file

# The lock file is complete, so pip installs exactly what it lists (--no-deps), with hashes; `pip check` confirms it.
# compileall uses all cores; pip would compile one file after the other. Packages' own tests are skipped. Without
# compiling, every start takes seconds longer if Python cannot write bytecode (read-only root, PYTHONDONTWRITEBYTECODE).
.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"launchdrop needs Python 3.11 or newer; $(PYTHON) is {v.major}.{v.minor}. Try: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing from requirements.lock into .venv (a minute or two the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m pip --disable-pip-version-check check >/dev/null
	@$(BIN)/python -m compileall -q -j 0 -x '/tests/' .venv/lib/python3*/site-packages flows schemas reports
	@touch $@

# Exit code 1 says that the operator has something to decide, as the samples intend.
run: setup  ## process the sample drops in inbox/: reports, ledger, due launches
	@$(BIN)/launchdrop run || [ $$? -eq 1 ]

# Distributed by file, so that a server that a whole file uses starts once. In order, because the files that wait for
# servers and schedules are in the first half.
test: setup  ## run the tests
	@$(BIN)/python -m pytest -m "not soak" -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: setup  ## check formatting, style, types and import directions
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

bench: setup  ## run the benchmarks; results are in tests/bench/results/
	@$(BIN)/python -m tests.bench

soak: setup  ## run the long fault tests
	@$(BIN)/python -m pytest -m soak --timeout 7200 -o faulthandler_timeout=7500

pictures: setup  ## update the screenshots in README.md and reports/README.md
	@$(BIN)/python -m tests.reports.pictures

COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet
lock:  ## update both lock files; the image's is a subset of the other (needs uv)
	$(COMPILE) --group dev pyproject.toml --output-file requirements.lock
	$(COMPILE) --group build pyproject.toml --constraint requirements.lock --output-file requirements-runtime.lock
