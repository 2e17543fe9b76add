# Needs make and Python 3.11 or later with venv; everything else is installed into .venv.
#   make demo    deploy the local stack, train on its cluster, show the metrics
#   make test    every test that this machine can run
#   make check   format, lint, types, import contracts
#   make bench   ratios against peers, printed
#   make clean   stop the local cloud, remove what was made here

SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
UV := UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=.venv $(BIN)/uv
SYNC := $(UV) sync --quiet --frozen --inexact --all-extras --compile-bytecode

# Without bytecode every start compiles every import again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check bench clean prerequisites

demo: .venv/.installed
	@examples/demo.sh

test: .venv/.installed-dev
	@$(BIN)/pytest -q --numprocesses=auto --dist=loadgroup --no-loadscope-reorder

check: .venv/.installed-dev
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/mypy benchmarks
	@$(BIN)/lint-imports

bench: .venv/.installed-dev
	@for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

clean:
	@if [ -x $(BIN)/aml ]; then $(BIN)/aml cloud stop || true; fi
	@rm -rf .venv .aml .uv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

prerequisites:
	@if [ -z "$(PYTHON)" ] || ! "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	  echo 'Python 3.11 or later is missing: install it with `apt-get install python3.11 python3.11-venv`.' >&2; exit 1; fi
	@if ! "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo 'Python has no venv module here: install it with `apt-get install python3-venv`.' >&2; exit 1; fi

.venv/bin/uv: | prerequisites
	@echo "Making .venv" >&2
	@"$(PYTHON)" -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(sed -n 's/.*"\(uv>=[^"]*\)".*/\1/p' pyproject.toml)"

.venv/.installed: pyproject.toml uv.lock | .venv/bin/uv
	@echo "Installing the project into .venv" >&2
	@$(SYNC) --no-dev --group example
	@touch $@

.venv/.installed-dev: pyproject.toml uv.lock | .venv/bin/uv
	@echo "Installing the project and its test tools into .venv" >&2
	@$(SYNC)
	@touch $@ .venv/.installed
