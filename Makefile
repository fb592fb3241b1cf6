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

# rsyslog and syslog-ng, from Debian's packages (as root); without them the tests that need them are skipped, and say so
receivers:
	@tests/install-receivers

.venv/ready: requirements.txt requirements-dev.txt
	@echo "Installing what the demo and the tests need into .venv (once, about a minute) ..."
	@$(PYTHON) -m venv .venv
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

clean:
	rm -rf .venv .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis build .receivers
