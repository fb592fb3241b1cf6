# make demo   watch it work         make test   every test         make check   style and types
PYTHON ?= $(shell command -v python3.11 || command -v python3)
RUN := .venv/bin/python

.PHONY: demo test check coverage simulate fuzz kills receivers clean

demo: .venv/ready
	@$(RUN) -m epimetheus demo

test: .venv/ready
	@$(RUN) -m pytest

check: .venv/ready
	@$(RUN) -m ruff check .
	@$(RUN) -m mypy

coverage: .venv/ready
	@$(RUN) -m pytest --cov --cov-report=term
	@$(RUN) tests/coverage_floor.py

# days of faults, seed by seed; `make test` plays some hundred
SEEDS ?= 1000
simulate: .venv/ready
	@$(RUN) -m tests.simulation $(SEEDS)

# bad input for every way in
RUNS ?= 1000000
fuzz: .venv/ready
	@$(RUN) -m tests.fuzz all $(RUNS)

# real receivers, killed over and over
KILLS ?= 50
kills: .venv/ready
	@$(RUN) -m tests.kills $(KILLS)

# what it costs, against the goals; keeps build/bench.json. `make bench-compare BEFORE=FILE` sets an earlier one beside it
.PHONY: bench bench-compare
bench: .venv/ready
	@$(RUN) -m benchmarks

BEFORE ?= build/bench-before.json
bench-compare: .venv/ready
	@$(RUN) -m benchmarks.compare $(BEFORE)

# rsyslog and syslog-ng, from Debian's packages (as root); without them the tests that need them are skipped, and say so
receivers:
	@tests/install-receivers

# Chromium, from Debian's packages (as root); without it the tests that need it are skipped, and say so
.PHONY: browser
browser:
	@tests/install-browser

# what OCI Functions runs; `make image BASE=…@sha256:…` pins the base by digest, PLATFORM=linux/arm64 is for GENERIC_ARM
.PHONY: image
IMAGE ?= epimetheus:$(shell sed -n 's/^version: //p' func.yaml)
PLATFORM ?= linux/amd64
ENGINE = $(shell for engine in docker podman; do $$engine info >/dev/null 2>&1 && echo $$engine && break; done)
image:
	@test -n "$(ENGINE)" || { echo "make image needs docker or podman, running. Without them: OCI's Cloud Shell has docker;" \
	    "\`fn build\` reads the same Dockerfile, and needs docker as well." >&2; exit 1; }
	@$(ENGINE) build --platform $(PLATFORM) $(if $(BASE),--build-arg BASE=$(BASE)) --tag $(IMAGE) .

# terraform/: schema, style, security, variables against Settings, validate and test
.PHONY: check-terraform stack
TOOLS := build/terraform-tools
check-terraform: .venv/ready $(TOOLS)/ready
	@tests/terraform/check $(RUN) $(TOOLS)

# terraform/ as a stack for OCI's Resource Manager
stack:
	@$(PYTHON) scripts/make-stack

$(TOOLS)/ready: tests/terraform/requirements-checkov.txt
	@echo "Installing checkov and the stand-in provider's gRPC into $(TOOLS) (once, about a minute) ..."
	@$(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.venv/ready: requirements.txt requirements-dev.txt
	@echo "Installing what the demo and the tests need into .venv (once, about a minute) ..."
	@$(PYTHON) -m venv .venv
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

clean:
	rm -rf .venv .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis build .receivers
