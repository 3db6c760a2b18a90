# Everything starts here: each target sets up .venv first, once, and is quiet about it afterwards.
# Needed: make and Python 3.11 or newer with its venv module.

SHELL := /bin/sh
.DELETE_ON_ERROR:
.PHONY: help demo test warm test-faults test-long test-nojit lint style types layers bench bench-full paper docs wheel constraints setup clean

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
WORKERS ?= 2
# Compiled modules are kept: a process of `sgengine` takes 0.7 s of CPU, 1.0 s without them, and tests start a
# hundred; and the tests' own modules, rewritten by pytest, take seconds in each worker.
unexport PYTHONDONTWRITEBYTECODE
# Neighbours stay together, and with them what a file's tests share, until a worker has nothing to do.
PYTEST := $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## the environment in .venv, with the versions of constraints.txt
	@:

# An old pip knows no --group, so pip comes first. A .venv whose interpreter is gone is made anew.
$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and not found" >&2; exit 1; }
	@$(BIN)/python -c 'import pip' 2>/dev/null || { \
		echo "setting up $(VENV) (once)"; $(PYTHON) -m venv --clear $(VENV); }
	@$(PIP) install -c constraints.txt --upgrade pip
	@$(PIP) install -c constraints.txt --build-constraint constraints.txt -e . --group dev
	@touch $@

demo: $(READY) ## the sample traces, analysed and queried
	$(BIN)/sgengine analyze data/*.parquet --goodput ttft:500 tpot:50
	$(BIN)/sgengine sql "SELECT system, workload, count(*) AS requests, \
	round(avg(user_idle_latency_ms), 1) AS idle_ms, round(max(itl_max_ms), 1) AS worst_gap_ms \
	FROM requests GROUP BY ALL ORDER BY ALL" data/*.parquet

test: warm ## the tests, in under five minutes on two cores
	@$(PYTEST) -m "not slow and not nightly"

warm: $(READY) # the kernels that take longest to compile, once, and not by both workers
	@$(BIN)/python -m tests.warm

test-long: warm ## all tests, with 5000 examples a property
	@SGENGINE_HYPOTHESIS=nightly $(PYTEST)

test-faults: $(READY) ## the results store under crashes, kills, races, damage and full disks, at length
	@SGENGINE_FAULTS=long $(PYTEST) tests/store

test-nojit: $(READY) ## the kernels as plain Python, where an index out of bounds is an error
	@NUMBA_DISABLE_JIT=1 SGENGINE_HYPOTHESIS=quick $(PYTEST) \
		-m "not slow and not nightly" $(wildcard tests/kernels tests/compute)

lint: style types layers ## style, format, types and import layers

style: $(READY) ## ruff alone
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(READY) ## mypy alone
	@$(BIN)/mypy

layers: $(READY) ## the import contracts alone
	@$(BIN)/lint-imports

bench: $(READY) ## the benchmarks (minutes)
	$(BIN)/python -m benchmarks.run

bench-full: $(READY) ## the same with large inputs and clients' own code, and the table (20 GB of disk, half an hour)
	$(BIN)/python -m benchmarks.run --size full --publish

paper: $(READY) ## the evaluation: systems, workloads and rates, simulated and analysed (minutes)
	$(BIN)/python -m benchmarks.published
	$(BIN)/python -m benchmarks.paper

docs: $(READY) ## docs/reference, from the declarations
	$(BIN)/python docs/generate.py

wheel: $(READY) ## the wheel, in dist/
	@$(BIN)/python -m build --wheel --no-isolation >/dev/null
	@ls dist/*.whl

constraints: $(READY) ## constraints.txt anew, from an environment of the newest versions
	$(PYTHON) -m venv --clear build/newest
	build/newest/bin/python -m pip -qq install --upgrade pip
	build/newest/bin/python -m pip -qq install editables . --group dev
	@{ sed -n '/^#/p' constraints.txt; build/newest/bin/python -m pip freeze --all \
		| grep -Ev '^(sgengine|setuptools)( |=)'; } > build/constraints.txt
	@mv build/constraints.txt constraints.txt && rm -r build/newest

clean: ## remove what can be made again, .venv too
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis \
		.import_linter_cache .numba_cache .bench
	find sgengine tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
