# `make` lists the commands. Each sets up what it needs by itself: Python packages in .venv, again only when
# pyproject.toml has changed, and other programs by `python -m demo.tools`.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo test lint

help:  ## list the commands
	@sed -n 's/^\([a-z-]*\):.*  ## /  make \1\t/p' Makefile | expand -t 17

demo: .venv/run.done  ## play an attack on a real Prometheus and Alertmanager (KEEP=1 leaves them running)
	@$(BIN)/python -m demo

test: lint  ## check everything; what CI runs
	-@$(BIN)/python -m demo.tools  # a test whose program cannot be had says so
	$(BIN)/python -m pytest

lint: .venv/dev.done  ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/bin/python:
	@echo "Set-up: a virtual environment in .venv"
	@$(PYTHON) -m venv .venv

.venv/run.done: pyproject.toml | .venv/bin/python
	@echo "Set-up: threatboard and the packages that it needs, into .venv"
	@$(PIP) install --editable .
	@touch $@

.venv/dev.done: pyproject.toml | .venv/bin/python
	@echo "Set-up: threatboard and the packages that its tests need, into .venv"
	@$(PIP) install --editable '.[boards,dev]'
	@touch $@ .venv/run.done
