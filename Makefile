# make run: on air in a minute.  make test: sets up and passes the tests.  Nothing but Python 3.11+, git and make is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ONLY ?=

.PHONY: help run test test-again check format lint types bench screenshots setup setup-dev lock vendor demonstration clean

help:
	@sed -n 's/^# //p; s/^## /  /p' Makefile

## run            everything on this machine, with a demonstration conversation on air
run: setup
	@$(BIN)/hiwar serve --demonstration

## test           the tests (those that need a missing program say so and are skipped)
test: setup-dev
	@$(BIN)/python -m pytest

## test-again     the tests that failed last time, alone
test-again: setup-dev
	@$(BIN)/python -m pytest --last-failed --last-failed-no-failures none

## check          format, lint, types, tests: what must pass before a commit
check: setup-dev lint types
	@$(BIN)/python -m pytest

lint: setup-dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: setup-dev
	@$(BIN)/mypy

format: setup-dev
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

## bench          the measurements side by side with peers and limits; one alone: make bench ONLY=fanout
bench: setup-dev
	@$(BIN)/python -m bench $(ONLY)

## screenshots    every page in Arabic and English, wide and phone, light and dark, into screenshots/
screenshots: setup-dev
	@$(BIN)/python -m tests.screenshots screenshots/site
	@$(BIN)/python -m tests.backstage.states screenshots/backstage

setup: $(VENV)/.run
setup-dev: $(VENV)/.dev

$(BIN)/python:
	@echo "Making a Python environment in $(VENV) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt pyproject.toml | $(BIN)/python
	@echo "Installing what Hiwar stands on (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml $(VENV)/.run
	@echo "Installing what the tests need (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

## lock           pin the dependencies anew (needs uv)
lock:
	@sh scripts/lock.sh

## vendor         fetch the pinned npm packages anew (needs npm)
vendor: setup-dev
	@$(BIN)/python scripts/vendor_npm.py

## demonstration  speak the demonstration anew (needs espeak-ng and ffmpeg)
demonstration: setup
	@$(BIN)/python scripts/make_demonstration.py

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
