# Two commands: `make demo` shows the difference, `make test` proves it. `make help` lists the rest.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The environment is ready when this file is newer than the lock; not after the checkout has moved,
# for its programs name their Python by its full path.
READY := $(VENV)/.ready
ifeq ($(shell grep -F "$(realpath $(VENV))/bin/python" $(BIN)/lab 2>/dev/null),)
.PHONY: $(READY)
endif

# A file of `lab bundle export`: wheels and box come from there, and no internet is needed.
BUNDLE ?=

# The quick tests wait more than they compute: for sockets, leases and processes that are killed.
JOBS ?= 2

.PHONY: help
help: ## Show this list.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

.PHONY: demo
demo: setup ## Set everything up and play the three demonstrations in push and in pull.
	$(BIN)/lab up both
	$(BIN)/lab demo --auto

.PHONY: test
test: tests-setup check ## Set everything up and run every test, real VMs included.
	$(BIN)/python -m pytest tests/vm -m vm -v --durations=10

.PHONY: check
check: $(READY) ## Linters, types, unit, property and API tests. No VM.
	@$(BIN)/python -m provisioning.host.servers
	$(BIN)/python -m pytest -m "not vm" -n $(JOBS) --dist worksteal

.PHONY: test-hosts
test-hosts: $(READY) ## As root: a fresh Debian 13 with systemd, and the lab in it. HOSTS="--short".
	$(BIN)/python -m tests.hosts $(HOSTS)

# Not in requirements.lock: it is run by hand, and brings many packages of its own.
MUTMUT := $(BIN)/uv run --no-project --with-requirements requirements.lock --with mutmut==3.8.1 mutmut
# A file or a folder.
ONLY ?=
MUTANTS = $(subst /,.,$(ONLY:.py=))

.PHONY: mutants
mutants: $(READY) ## Break decisions on purpose; show what no test notices. ONLY=services/core/lease.py.
	$(MUTMUT) run --max-children $(JOBS) $(if $(ONLY),'$(MUTANTS).*')
	@$(MUTMUT) results | sed -n 's/^ *\($(MUTANTS).*\): \(survived\|no tests\)$$/\1/p' | \
		xargs --no-run-if-empty --max-args 1 $(MUTMUT) show

.PHONY: experiments
experiments: setup ## Bring the lab up, and run every experiment that comes with it. RUN="--runs 3".
	$(BIN)/lab up both
	$(BIN)/lab run --all $(RUN)

.PHONY: soak
soak: setup ## Bring the lab up cold and take it down, twenty times, under load. SOAK="--cycles 3".
	$(BIN)/lab soak $(SOAK)

.PHONY: setup tests-setup
setup: $(READY) ## Install what is missing on this machine and build the box if it is absent.
	@echo "python environment: $(VENV) matches requirements.lock"
	$(BIN)/lab doctor --fix $(DOCTOR)
	$(if $(BUNDLE),$(BIN)/lab bundle import "$(BUNDLE)")
	$(BIN)/lab box build --renew
tests-setup: DOCTOR := --tests
tests-setup: setup

.PHONY: venv
venv: $(READY) ## Only the Python environment: .venv, from requirements.lock.

$(READY): requirements.lock pyproject.toml provisioning/host/venv.sh
	provisioning/host/venv.sh $(VENV) $(PYTHON) "$(BUNDLE)"

.PHONY: format
format: $(READY) ## Let ruff fix and format the code.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: lock
lock: $(READY) ## Renew the locks of Python packages, for the host and for the guests.
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --universal --extra dev \
		--python-version 3.11 pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.13 \
		--python-platform x86_64-manylinux_2_28 --only-binary :all: \
		provisioning/guest/requirements.in -o provisioning/guest/requirements.lock
