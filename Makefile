PYTHON ?= $(shell command -v python3.11 || command -v python3)
RUN := .venv/bin/python

.PHONY: help setup demo test test-quick check coverage simulate fuzz kills receivers clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name what; do printf '  make %-16s %s\n' "$$name" "$$what"; done

setup: .venv/ready ## install everything that the demo, the tests and the tools need into .venv

demo: .venv/ready ## watch it work: a stand-in for OCI, a receiver that dies and returns, nothing lost
	@$(RUN) -m epimetheus demo

# One process per core; TEST_PROFILE=full plays more seeds and examples, as CI does.
JOBS ?= $(shell nproc)
test: .venv/ready ## every test, in parallel, in minutes
	@$(RUN) -m pytest -q -n $(JOBS) --dist loadgroup

QUICK := tests/test_architecture.py tests/run/test_plan.py tests/run/test_known_compartments.py tests/run/test_forward.py tests/config/test_settings.py \
    tests/select tests/state tests/source/test_compartments.py tests/deliver/test_framing.py tests/render/formats/test_cef.py
test-quick: .venv/ready ## the tests of pure decisions and bytes, in seconds
	@$(RUN) -m pytest -q $(QUICK)

check: .venv/ready ## style and types
	@$(RUN) -m ruff check .
	@$(RUN) -m mypy

coverage: .venv/ready ## every test with the full budgets, and the floor of branch coverage
	@TEST_PROFILE=full $(RUN) -m pytest -q -n $(JOBS) --dist loadgroup --cov --cov-report=
	@$(RUN) tests/coverage_floor.py

# days of faults, seed by seed; `make test` plays some hundred
SEEDS ?= 1000
simulate: .venv/ready ## days of faults, seed by seed: SEEDS=10000
	@$(RUN) -m tests.simulation $(SEEDS)

# bad input for every way in
RUNS ?= 1000000
fuzz: .venv/ready ## bad input for every way in: RUNS=1000000
	@$(RUN) -m tests.fuzz all $(RUNS)

# real receivers, killed over and over
KILLS ?= 50
kills: .venv/ready ## real receivers, killed over and over: KILLS=50
	@$(RUN) -m tests.kills $(KILLS)

# what it costs, against the goals; keeps build/bench.json. `make bench-compare BEFORE=FILE` sets an earlier one beside it
.PHONY: bench bench-compare
bench: .venv/ready ## what it costs, against the goals
	@$(RUN) -m benchmarks

BEFORE ?= build/bench-before.json
bench-compare: .venv/ready
	@$(RUN) -m benchmarks.compare $(BEFORE)

# rsyslog and syslog-ng, from Debian's packages (as root); without them the tests that need them are skipped, and say so
receivers: ## install rsyslog and syslog-ng for the tests (Debian, as root)
	@tests/install-receivers

# Chromium, from Debian's packages (as root); without it the tests that need it are skipped, and say so
.PHONY: browser
browser: ## install Chromium for the tests (Debian, as root)
	@tests/install-browser

# what OCI Functions runs; `make image BASE=…@sha256:…` pins the base by digest, PLATFORM=linux/arm64 is for GENERIC_ARM
.PHONY: image
IMAGE ?= epimetheus:$(shell sed -n 's/^version: //p' func.yaml)
PLATFORM ?= linux/amd64
ENGINE = $(shell for engine in docker podman; do $$engine info >/dev/null 2>&1 && echo $$engine && break; done)
image: ## build what OCI Functions runs
	@test -n "$(ENGINE)" || { echo "make image needs docker or podman, running. Without them: OCI's Cloud Shell has docker;" \
	    "\`fn build\` reads the same Dockerfile, and needs docker as well." >&2; exit 1; }
	@$(ENGINE) build --platform $(PLATFORM) $(if $(BASE),--build-arg BASE=$(BASE)) --tag $(IMAGE) .

# terraform/: schema, style, security, variables against Settings, validate and test
.PHONY: check-terraform stack
TOOLS := build/terraform-tools
check-terraform: .venv/ready $(TOOLS)/ready ## everything about terraform/
	@tests/terraform/check $(RUN) $(TOOLS)

# terraform/ as a stack for OCI's Resource Manager
stack: ## terraform/ as a stack for Resource Manager
	@$(PYTHON) scripts/make-stack

$(TOOLS)/ready: tests/terraform/requirements-checkov.txt
	@echo "Installing checkov and the stand-in provider's gRPC into $(TOOLS) (once, about a minute) ..."
	@$(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.venv/ready: requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' || { \
	    echo "Epimetheus needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Set PYTHON=/path/to/python3.11." >&2; exit 1; }
	@echo "Installing what the demo and the tests need into .venv (once, about a minute) ..."
	@$(PYTHON) -m venv .venv
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

clean: ## remove what was built and installed
	rm -rf .venv .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis build .receivers
