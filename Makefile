# make demo | test | lint | bench | cluster-test | fault-test | fuzz: each first makes .venv where it is missing or older
# than the lock.
#   PYTHON=python3.11  the interpreter that .venv is made with
#   CORES=8            the cores that Snakemake may use (default: all)
#   EXAMPLES=1000      damaged inputs of every kind that `make fuzz` tries

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.PHONY: demo test cluster-test fault-test fuzz lint bench env lock clean

PYTHON ?= $(shell command -v python3.11 || command -v python3)
CORES ?= $(shell nproc)
EXAMPLES ?= 1000

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := python -m pip --quiet --disable-pip-version-check
export PATH := $(CURDIR)/$(BIN):$(PATH)

demo: $(STAMP)
	@python workflow/demo.py --cores $(CORES)

test: $(STAMP)
	@pytest --numprocesses $(CORES) --maxprocesses 8 --dist loadfile --no-loadscope-reorder

# the toy run on a Slurm of its own, which is gone afterwards; says what is missing where its programs are (Debian:
# slurmctld slurmd slurm-client munge)
cluster-test: $(STAMP)
	@pytest -m cluster -p no:cacheprovider -rs tests/cluster

# every fault on a job of every rule, most of an hour; what is done is kept and not done again
fault-test: $(STAMP)
	@python -m tests.workflow.faults --write

fuzz: $(STAMP)
	@LASS_FUZZ=$(EXAMPLES) pytest tests/fuzz

lint: $(STAMP)
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check Snakefile workflow
	snakemake --lint

bench: $(STAMP)
	python -m benchmarks.counting
	python -m benchmarks.tables
	python -m benchmarks.training
	snakemake --cores $(CORES) -- results/slakh/mixtures/test.parquet
	python -m benchmarks.separation
	@if python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then \
	  python -m benchmarks.gpu && python -m benchmarks.pretrained; fi

env: $(STAMP)

# $(VENV)/.lock is a copy of the lock, written once everything in it is installed: an interrupted installation is
# begun anew, and an edit of pyproject.toml alone installs nothing but lass itself. $$base is the interpreter
# behind $(PYTHON), which may itself lie in the $(VENV) that is about to go. uv installs in a minute what takes pip
# five; pip does it where uv cannot, for instance because only pip is told of an index.
$(STAMP): requirements.lock pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	    { echo "Python 3.11 is needed, '$(PYTHON)' is not: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@if ! cmp -s requirements.lock $(VENV)/.lock; then \
	    echo "installing requirements.lock into $(VENV): about 5 GB and some minutes, once"; \
	    base=$$("$(PYTHON)" -c 'import sys; print(sys._base_executable)'); \
	    rm -rf $(VENV); \
	    "$$base" -m venv $(VENV); \
	    sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > $(VENV)/uv.txt; \
	    $(PIP) install --require-hashes --requirement $(VENV)/uv.txt; \
	    VIRTUAL_ENV="$(CURDIR)/$(VENV)" uv pip install --quiet --no-cache --compile-bytecode --require-hashes --requirement requirements.lock || \
	        $(PIP) install --require-hashes --requirement requirements.lock; \
	    cp requirements.lock $(VENV)/.lock.part; \
	    mv $(VENV)/.lock.part $(VENV)/.lock; \
	fi
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# pins what pyproject.toml asks for, the extras with it, with hashes, for Python 3.11 on Linux
lock: $(STAMP)
	uv pip compile pyproject.toml --extra dev --extra workflow --extra cluster --output-file requirements.lock --quiet --upgrade \
	    --python-version 3.11 --python-platform x86_64-unknown-linux-gnu \
	    --generate-hashes --no-annotate --no-emit-index-url --custom-compile-command "make lock"

clean:
	rm -rf .mypy_cache .pytest_cache .ruff_cache build *.egg-info
