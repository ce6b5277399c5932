# make         install into .venv, run the default experiment, print its main table and compare it with the reference
#              TORCH=cpu or TORCH=cuda chooses the build of torch; by default it has CUDA where nvidia-smi finds a GPU; remove .venv to
#              change it later
# make check   lint, types and fast unit tests: below a minute on two cores
# make test    all tests but those of minutes each, which `.venv/bin/pytest -m long` runs
# make extras  what the tests of the browser and of pysodmetrics need
# make docs    build the documentation into site/; a warning is an error
# make notebook  run docs/tutorials/first-steps.ipynb and store its outputs
# make lock    pin the versions anew after a range in pyproject.toml was changed
.DEFAULT_GOAL := run
.PHONY: run install extras docs check lint types unit test notebook lock clean
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
TORCH ?= auto

run: install
	$(BIN)/snakemake
	$(BIN)/cosalpure tables show
	$(BIN)/cosalpure verify || true  # its line says what differs: a processor may round otherwise, config.yaml be changed

install: .venv/installed

.venv/installed: requirements.txt pyproject.toml setup.py
	python3 -m venv .venv
	$(BIN)/python envs/torch.py $(TORCH)
	$(PIP) -r requirements.txt
	$(PIP) --no-deps -e .
	touch $@

extras: install
	$(PIP) --no-deps -r tests/extras.txt

docs: install
	$(PIP) --no-deps -r envs/docs.txt
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

check: lint types unit

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

types: install
	$(BIN)/mypy

unit: install
	$(BIN)/pytest -m "not slow" --numprocesses 2 --dist loadfile --durations 5 --durations-min 1

test: install
	$(BIN)/pytest --numprocesses auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder

notebook: install
	$(BIN)/python tests/notebook.py docs/tutorials/first-steps.ipynb

lock:  # ARGS="--upgrade-package NAME" takes the newest version of one package
	$(BIN)/python envs/lock.py $(ARGS)

clean:  # results, not the environment
	rm -rf results/*/ logs .snakemake
