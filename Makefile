# Two commands set up everything: `make demo` runs the main job, `make test` passes the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: demo test lint types bench registry clean

demo: $(VENV)/.installed
	iqabench run --demo --suite demo --out demo-run
	iqabench grid demo-run --out demo-run/grid.png

# One thread a worker: two workers with two each would spend their time waiting for one another.
test: $(VENV)/.tested
	OMP_NUM_THREADS=1 pytest -n 2 --dist loadfile -q --durations=15

lint: $(VENV)/.tested
	ruff check .
	ruff format --check .
	$(MAKE) types

types:
	MYPYPATH=harness:$(subst $(eval) ,:,$(wildcard plugins/*/*/src)) mypy harness/iqabench plugins/*/*/src

bench: $(VENV)/.tested
	pytest tests/benchmarks --benchmark-only --benchmark-json=.benchmarks/latest.json -p no:xdist

registry: $(VENV)/.installed
	python -m iqabench.catalogue

# torch is installed first, under the constraints, so that nothing draws in another build of it. The plugins are
# built without isolation: with it, each of them would fetch the build back end anew.
$(VENV)/.installed: pyproject.toml constraints.txt requirements-plugins.txt $(wildcard plugins/*/*/pyproject.toml)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	python -m pip install -q "pip>=24" "uv_build>=0.8,<1"
	python -m pip install -q -c constraints.txt torch
	python -m pip install -q -c constraints.txt --no-build-isolation -r requirements-plugins.txt
	touch $@

$(VENV)/.tested: $(VENV)/.installed
	python -m pip install -q -c constraints.txt --no-build-isolation -e ".[test,lint]"
	touch $@

clean:
	rm -rf $(VENV) demo-run .pytest_cache .mypy_cache .ruff_cache
