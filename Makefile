PYTHON ?= $(shell command -v python3.11 || command -v python3)
RUN := .venv/bin/python

.PHONY: help setup demo test test-quick check coverage simulate fuzz kills receivers clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name what; do printf '  make %-16s %s\n' "$$name" "$$what"; done

setup: .venv/ready ## install the dependencies of the demo, tests, and tools into .venv

demo: .venv/ready ## play four runs, then pushes by Connector Hub, against simulated services; VERBOSE=1 shows log lines as JSON
	@$(RUN) -m epimetheus demo $(if $(VERBOSE),--verbose)
	@$(RUN) -m epimetheus demo --push $(if $(VERBOSE),--verbose)

# Without cached bytecode, which many containers turn off, each of the tests' processes compiles all modules again.
unexport PYTHONDONTWRITEBYTECODE

# Twice as many processes as cores, because many tests wait; TEST_PROFILE=full runs more seeds and examples, as CI does.
JOBS ?= $(shell echo $$(( $$(nproc) * 2 )))
PARALLEL := -n $(JOBS) --dist loadgroup
test: .venv/ready ## run all tests in parallel
	@$(RUN) -m pytest -q $(PARALLEL)

QUICK := tests/test_architecture.py tests/run/test_plan.py tests/run/test_known_compartments.py tests/run/test_forwarder.py tests/config/test_settings.py \
    tests/select tests/state/test_session.py tests/state/test_encoding.py tests/state/test_file.py tests/state/test_model.py \
    tests/source/test_compartments.py tests/deliver/test_framing.py tests/render/formats/test_cef.py
test-quick: .venv/ready ## run the fast unit tests
	@$(RUN) -m pytest -q $(QUICK)

check: .venv/ready ## run ruff and mypy
	@$(RUN) -m ruff check .
	@$(RUN) -m mypy

coverage: .venv/ready ## run all tests with full budgets and check the branch coverage
	@TEST_PROFILE=full $(RUN) -m pytest -q $(PARALLEL) --timeout=600 --cov --cov-report=
	@$(RUN) tests/coverage_floor.py

SEEDS ?= 1000
simulate: .venv/ready ## simulate days of faults: SEEDS=10000, or DAYS=1000; PUSH=1 adds Connector Hub
	@$(RUN) -m tests.simulation $(if $(PUSH),--push) $(if $(DAYS),--days $(DAYS),$(SEEDS))

RUNS ?= 1000000
fuzz: .venv/ready ## fuzz every input: RUNS=1000000
	@$(RUN) -m tests.fuzz all $(RUNS)

KILLS ?= 50
kills: .venv/ready ## kill real receivers repeatedly: KILLS=50
	@$(RUN) -m tests.kills $(KILLS)

# writes build/bench.json
.PHONY: bench bench-compare
bench: .venv/ready ## measure performance against the goals
	@$(RUN) -m benchmarks

BEFORE ?= build/bench-before.json
bench-compare: .venv/ready ## compare with an earlier measurement: BEFORE=FILE
	@$(RUN) -m benchmarks.compare $(BEFORE)

# without them, the tests that need them are skipped
receivers: ## install rsyslog and syslog-ng for the tests (Debian, as root)
	@tests/install-receivers

.PHONY: browser
browser: ## install Chromium for the tests (Debian, as root)
	@tests/install-browser

# BASE=…@sha256:… pins the base image by digest; PLATFORM=linux/arm64 is for the shape GENERIC_ARM
.PHONY: image
IMAGE ?= epimetheus:$(shell sed -n 's/^version: //p' func.yaml)
PLATFORM ?= linux/amd64
ENGINE = $(shell for engine in docker podman; do $$engine info >/dev/null 2>&1 && echo $$engine && break; done)
image: ## build the function image: BASE=, PLATFORM=, IMAGE=
	@test -n "$(ENGINE)" || { echo "make image: docker or podman is not running. Start one of them, or use OCI Cloud Shell, which has docker." >&2; exit 1; }
	@$(ENGINE) build --platform $(PLATFORM) $(if $(BASE),--build-arg BASE=$(BASE)) --tag $(IMAGE) .

.PHONY: check-terraform stack
TOOLS := build/terraform-tools
check-terraform: .venv/ready $(TOOLS)/ready ## check terraform/: format, validate, test, security, and variables
	@tests/terraform/check $(RUN) $(TOOLS)

stack: ## package terraform/ as a stack for OCI Resource Manager
	@$(PYTHON) scripts/make-stack

.PHONY: check-workflow
WORKFLOW_TOOLS := build/workflow-tools
check-workflow: $(WORKFLOW_TOOLS)/ready ## check .github/: the syntax and the security of the workflow
	@$(WORKFLOW_TOOLS)/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(WORKFLOW_TOOLS)/bin/zizmor --offline --quiet .github

$(WORKFLOW_TOOLS)/ready: tests/deploy/requirements-workflow.txt
	@echo "Installing zizmor and check-jsonschema into $(WORKFLOW_TOOLS) (once) ..."
	@$(PYTHON) -m venv $(WORKFLOW_TOOLS)
	@$(WORKFLOW_TOOLS)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: release
SOURCE ?=
release: .venv/ready ## build the files of a release from a clean tree: SOURCE=ADDRESS
	@$(RUN) scripts/make-release --source "$(SOURCE)"

$(TOOLS)/ready: tests/terraform/requirements-checkov.txt
	@echo "Installing checkov and gRPC into $(TOOLS) (once, about a minute) ..."
	@$(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.venv/ready: pyproject.toml requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' || { \
	    echo "Epimetheus requires Python 3.11 or later; $(PYTHON) is $$($(PYTHON) -V 2>&1). Set PYTHON=/path/to/python3.11." >&2; exit 1; }
	@echo "Installing dependencies into .venv (once, about a minute) ..."
	@$(PYTHON) -m venv .venv
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

clean: ## remove everything that was built and installed
	rm -rf .venv .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis build .receivers
