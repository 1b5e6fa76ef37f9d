# Needs CPython 3.11 or newer with venv; everything else comes into .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
REQUIREMENTS := $(wildcard requirements/*.txt) requirements.txt setup.py
DEMO_ARGS ?=
# More arguments for pip, such as the index of torch's CPU builds: the default build brings gigabytes of CUDA.
PIP_ARGS ?=

.PHONY: help venv cuda-ops demo demo-smoke docs tables test zoo gpu-check gpu-rehearsal stress check format release clean

help:  ## Show the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

venv: $(READY)  ## Make .venv with the pinned stack, the test tools and the package, editable

$(READY): $(REQUIREMENTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "make: $(PYTHON) is older than 3.11; name another with make PYTHON=..."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(PIP_ARGS) -r requirements.txt $(addprefix -r requirements/,flow.txt export.txt runtimes.txt suites.txt weights.txt foundation.txt dev.txt docs.txt) \
	    -c requirements/constraints.txt
	$(BIN)/python -m pip install $(PIP_ARGS) --no-deps --no-build-isolation --editable .
	touch $@

demo: $(READY)  ## Make a street, train and test three methods on it, show all on one page (9 to 12 minutes on 2 cores)
	$(BIN)/python tools/demo.py $(DEMO_ARGS)

demo-smoke: $(READY)  ## The same in 1 to 3 minutes; the figures mean nothing
	$(BIN)/python tools/demo.py --smoke $(DEMO_ARGS)

cuda-ops: $(READY)  ## Build mmcv with its CUDA ops for this machine's GPU (SDIST=path: from a local sdist, offline)
	@$(BIN)/python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' || \
	    { echo "make cuda-ops: torch finds no GPU here, or is a CPU build"; exit 1; }
	MMCV_WITH_OPS=1 FORCE_CUDA=1 \
	TORCH_CUDA_ARCH_LIST=$$($(BIN)/python -c 'import torch; print("%d.%d" % torch.cuda.get_device_capability())') \
	    $(BIN)/python -m pip install $(PIP_ARGS) --force-reinstall --no-binary=onedl-mmcv --no-build-isolation --no-deps \
	    --no-cache-dir $(or $(SDIST),onedl-mmcv==2.3.6)
	$(BIN)/python -c 'import torch; from mmcv.ops import Correlation; x = torch.ones(1, 2, 4, 6, device="cuda"); \
	    assert Correlation(max_displacement=1)(x, x)[0, 1, 1].eq(2).all(); print("mmcv.ops.Correlation runs on the GPU")'

docs: $(READY)  ## Build the documentation site in build/site; a broken link, or a public name without its entry, fails
	$(BIN)/python -m docs.pages
	PYTHONPATH=. $(BIN)/zensical build --strict --clean
	$(BIN)/python -m docs.check build/site
	@echo "Read it: $(BIN)/python -m http.server --directory build/site, or open build/site/index.html"

tables: $(READY)  ## Write the tables of README, docs and configs anew from results/*.json
	$(BIN)/python -W ignore -m docs.tables

test: $(READY)  ## Run the test suite with coverage, on all cores
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered

zoo: $(READY)  ## Send every network of MMSegmentation through three methods and write results/zoo.json (half an hour on 2 cores)
	test -d build/zoo/mmdet || $(BIN)/python -m pip install $(PIP_ARGS) --no-deps --target build/zoo -r requirements/zoo.txt
	PYTHONPATH=tests:build/zoo OMP_NUM_THREADS=1 $(BIN)/python -W ignore -m zoo.run --jobs 2 --write results/zoo.json $(ZOO_ARGS)
	$(MAKE) tables

gpu-check: $(READY)  ## The first minute on a GPU: values, speed, memory, two ranks, in work_dirs/gpu_check (on a CPU: shorter)
	@$(BIN)/python -c 'import sys, torch; sys.exit(torch.cuda.is_available())' || $(BIN)/python -c 'import mmcv._ext' 2>/dev/null || \
	    $(MAKE) cuda-ops || echo "make gpu-check: going on without mmcv's CUDA ops, which could not be built"
	$(BIN)/python tools/gpu_check.py $(GPU_CHECK_ARGS)

gpu-rehearsal: $(READY)  ## Train every config for a moment on a GPU that is not there: device mixes and waits (ten minutes on 2 cores)
	PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python -m gpu_rehearsal.run --jobs 2 $(REHEARSAL_ARGS)

stress: $(READY)  ## Kill, damage and overload whole runs (about an hour on 2 cores; I2VDA_STRESS_SEED=n repeats one)
	$(BIN)/python -m pytest $(wildcard tests/stress/stress_*.py) --timeout=7200 -rA -p no:cacheprovider $(STRESS_ARGS)

check: $(READY)  ## Lint, format, types, import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

release: $(READY)  ## Build dist/*.whl, install it in an empty environment and run the demo of its few iterations from there
	rm -rf dist build
	$(BIN)/python -m pip wheel $(PIP_ARGS) --no-deps --no-build-isolation --wheel-dir dist .
	$(PYTHON) -m venv build/release
	build/release/bin/python -m pip install $(PIP_ARGS) -r requirements.txt dist/*.whl -c requirements/constraints.txt
	build/release/bin/python -m pip check
	cd build/release && env -u PYTHONPATH bin/i2vda demo --smoke
	@echo "dist: $$(ls dist)"

clean:  ## Remove what was built; data and work dirs stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .coverage
