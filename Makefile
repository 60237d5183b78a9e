# `make` lists the commands. Each sets up what it needs by itself: Python packages in .venv, again only when
# pyproject.toml has changed, and other programs by `python -m demo.tools`. A program that cannot be had stops no
# `make test`: the tests that need it skip with the reason, or fail where CI=true.
PYTHON ?= python3
BIN := .venv/bin
LOCK := .tools/pip-tools/bin/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-header \
  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo test test-newest test-cluster test-waf test-image bench generate package notes lock lint

help:  ## list the commands
	@sed -n 's/^\([a-z-]*\):.*  ## /  make \1\t/p' Makefile | expand -t 22

demo: .venv/run.done  ## play an attack on a real Prometheus and Alertmanager (KEEP=1 leaves them running)
	@$(BIN)/python -m demo

test: lint  ## check everything; what CI runs
	-@$(BIN)/python -m demo.tools
	$(BIN)/python -m pytest -n 4  # they wait more than they work

test-newest: .venv/dev.done  ## run what uses Prometheus and Alertmanager with the newest of them that Debian has
	SERVERS=newest $(BIN)/python -m demo.tools prometheus promtool alertmanager amtool
	SERVERS=newest $(BIN)/python -m pytest -n 4

test-cluster: .venv/dev.done  ## install the chart into a real Kubernetes control plane (built once, with Go)
	tests/cluster/kubernetes/build.sh .tools/kubernetes
	TEST_CLUSTER=1 $(BIN)/python -m pytest tests/cluster --timeout 900

test-waf: .venv/dev.done  ## send attacks through a real Coraza, too (built once, with Go 1.25 or newer)
	$(BIN)/python -m demo.tools nginx syslog-ng
	TEST_WAF=1 $(BIN)/python -m pytest tests/waf --timeout 900

test-image: .venv/dev.done  ## build the container image and run it (needs root, buildah, podman, runc, debootstrap)
	TEST_IMAGE=1 $(BIN)/python -m pytest tests/image --timeout 1800

bench: .venv/dev.done  ## measure speed and memory (BENCH="alerts mixed" runs only these)
	@$(BIN)/python -m bench $(BENCH)

generate: .venv/dev.done  ## write the files that are generated from others
	$(BIN)/python -m exporter.reference
	$(BIN)/python -m rules
	$(BIN)/python -m dashboards
	$(BIN)/python -m tests.helm.reference
	$(BIN)/python -m tests.helm.golden

package: .venv/dev.done  ## package the chart to publish it (SOURCE=URL FILES=URL IMAGE=REPOSITORY)
	$(BIN)/python -m tests.helm.package --source "$(SOURCE)" --files "$(FILES)" --image "$(IMAGE)"

notes: .venv/dev.done  ## print what Helm says after an installation (VALUES="FILE ..." RELEASE=NAME NAMESPACE=NAME)
	@$(BIN)/python -m tests.helm.notes $(if $(RELEASE),--release "$(RELEASE)") \
	  $(if $(NAMESPACE),--namespace "$(NAMESPACE)") $(VALUES)

lock: .venv/bin/python  ## write the hashes of the packages that the image installs, newest versions
	@$(PYTHON) -m venv .tools/pip-tools && .tools/pip-tools/bin/pip install --quiet pip-tools
	$(LOCK) --extra watch --output-file image/requirements.txt pyproject.toml
	$(LOCK) --output-file image/build-requirements.txt image/build-requirements.in

lint: .venv/dev.done  ## check style and types
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

.venv/bin/python:
	@echo "Set-up: a virtual environment in .venv"
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

.venv/run.done: pyproject.toml | .venv/bin/python
	@echo "Set-up: threatboard and the packages that it needs, into .venv"
	@$(PIP) install --editable .
	@touch $@

.venv/dev.done: pyproject.toml | .venv/bin/python
	@echo "Set-up: threatboard and the packages that its tests need, into .venv"
	@$(PIP) install --editable '.[boards,dev]'
	@touch $@ .venv/run.done
