# Everything a newcomer, a developer or CI needs. `make demo` and `make test` work on a fresh Debian 12.
SHELL := /bin/bash
# Debian's own Python, where it is the right one: it is built with optimizations (PGO, LTO) that a version manager leaves
# out by default. Plain loops ran 1.3 to 1.6 times as fast in it; judging a mail, of which much is C, at most 1.2 times.
PYTHON ?= $(firstword $(wildcard /usr/bin/python3.11) python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SYSTEM_STAMP := $(VENV)/.system-packages
# -n 2: the test machines have two cores; loadscope keeps a real server's tests together
PYTEST := $(BIN)/python -m pytest

.PHONY: help install system-packages demo test check format types lint imports bench faults forge fuzz fuzz-guided simulate lock docs clean

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 18

install: $(STAMP) ## Make the virtual environment in .venv with the poterne command

$(STAMP): requirements/dev.lock pyproject.toml
	$(PYTHON) -c 'import ensurepip' 2>/dev/null || tests/system-packages.sh python3-venv  # Debian ships it apart
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

system-packages: $(SYSTEM_STAMP) ## Install the real servers that the tests talk to (root or sudo)

$(SYSTEM_STAMP): tests/system-packages.sh | $(STAMP)
	tests/system-packages.sh
	touch $@

demo: install ## Real mail in over LMTP, tickets on a page, a reply out; Ctrl-C ends it
	$(BIN)/poterne demo

test: install system-packages check ## Set everything up and pass all the tests
	$(PYTEST) -q tests/browser  # playwright keeps an event loop running in its process, so it has one of its own
	$(PYTEST) -n 2 --dist loadgroup --ignore tests/browser tests

check: format lint types imports ## Quick checks: format, lint, types, import contracts

format: install
	$(BIN)/ruff format --check .

lint: install
	$(BIN)/ruff check .

types: install
	$(BIN)/mypy

imports: install
	$(BIN)/lint-imports

faults: install system-packages ## Fifty kills on each database, at the size that a test has no time for
	$(BIN)/python -m tests.faults --kills 50 --database sqlite
	$(BIN)/python -m tests.faults --kills 50 --database postgresql
	$(BIN)/python -m tests.faults.inbox --kills 50 --mails 2000
	$(BIN)/python -m tests.faults.outage

fuzz: install ## 200,000 mutants of real-shaped mails, and the growth of every reader
	$(BIN)/python -m tests.fuzz --mutants 200000
	$(BIN)/python -m tests.fuzz.doubling

fuzz-guided: install ## An hour of coverage-guided fuzzing; atheris is not in the lock file, it is only needed here
	$(BIN)/python -m pip install --quiet --disable-pip-version-check atheris
	$(BIN)/python -m tests.fuzz.guided -max_total_time=3600

simulate: install ## Ten virtual days with every counterpart, behind every forwarder; writes docs/simulation.md
	$(BIN)/python -m tests.simulator

forge: install ## A million forged tokens, and a million forged mails: none may join a ticket
	$(BIN)/python -m tests.support.forge 1000000

bench: install system-packages ## Ratios to peers, measured in the same run
	$(BIN)/python -m benchmarks.acceptance
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.parse
	$(BIN)/python -m benchmarks.classify
	$(BIN)/python -m benchmarks.signing
	$(BIN)/python -m benchmarks.outgoing
	$(BIN)/python -m benchmarks.desk

docs: install ## Make the generated pages again
	$(BIN)/python -m gateway.config.reference

lock: ## Make the lock files again after a change of pyproject.toml
	$(BIN)/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options --strip-extras --allow-unsafe -o requirements/runtime.lock pyproject.toml
	$(BIN)/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options --strip-extras --allow-unsafe --extra dev --extra s3 -c requirements/runtime.lock -o requirements/dev.lock pyproject.toml

clean: ## Remove what was made, but not .venv
	rm -rf var build .mypy_cache .ruff_cache .import_linter_cache .hypothesis
