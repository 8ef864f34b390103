# Everything a developer does, in one word each. `make` alone lists the words.

VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.complete
LOCK := build/lock

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench format lock readme-tables

help:  ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

setup: $(STAMP)  ## Build .venv from the pinned, hashed requirements

# Python 3.11 or newer with venv and pip; PYTHON3=/path/to/python chooses one.
$(STAMP): requirements-dev.txt pyproject.toml
	@set -e; \
	for candidate in $(PYTHON3) python3.13 python3.12 python3.11 python3 python; do \
	  if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	  then found=$$candidate; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "make: no Python 3.11 or newer with venv and pip was found." >&2; \
	  echo "make: install one (Debian and Ubuntu: apt install python3 python3-venv), or name it: make setup PYTHON3=/path/to/python" >&2; \
	  exit 1; \
	fi; \
	if ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	  echo "make: building $(VENV) with $$found"; \
	  rm -rf $(VENV); "$$found" -m venv $(VENV); \
	fi
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: $(STAMP)  ## Show the bot in a browser; no accounts needed
	$(VENV)/bin/moonthread demo

# Many tests keep time with a real service; what failed beside three others gets one try alone.
test: $(STAMP)  ## Run the tests
	$(PYTHON) -m pytest -n 4 || $(PYTHON) -m pytest --last-failed --last-failed-no-failures none

check: $(STAMP)  ## Lint, types and import contracts
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: $(STAMP)  ## Format the code and mend what ruff can mend
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

bench: $(STAMP)  ## Measure; results go to tests/bench/results
	$(PYTHON) -m tests.bench

readme-tables: $(STAMP)  ## Write the tables of settings and metrics into README.md
	$(PYTHON) -m bots.readme_tables README.md

# Versions that are pinned stay, unless UPGRADE=--upgrade or UPGRADE="--upgrade-package NAME".
COMPILE = $(LOCK)/bin/uv pip compile pyproject.toml --quiet --no-config --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header $(UPGRADE)

lock: $(LOCK)/bin/uv  ## Pin the requirements anew after a change of pyproject.toml
	$(COMPILE) --output-file requirements.txt
	$(COMPILE) --all-extras --constraint requirements.txt --output-file requirements-dev.txt

$(LOCK)/bin/uv: | $(STAMP)
	$(PYTHON) -m venv $(LOCK)
	$(LOCK)/bin/python -m pip install --quiet --disable-pip-version-check uv
