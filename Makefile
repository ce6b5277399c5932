# make        install into .venv, run the default experiment, print its main table
# make test   the whole test suite
# make extras  what the tests of the browser and of pysodmetrics need
# make lint   style of code and workflow
.DEFAULT_GOAL := run
.PHONY: run install extras test lint clean
BIN := .venv/bin

run: install
	$(BIN)/snakemake --cores all
	$(BIN)/cosalpure tables show

install: .venv/installed

.venv/installed: requirements.txt pyproject.toml
	python3 -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

extras: install
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r tests/extras.txt

test: install
	$(BIN)/pytest --numprocesses auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder

lock:  # after a range in pyproject.toml was changed; ARGS="--upgrade-package NAME"
	$(BIN)/python envs/lock.py $(ARGS)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

clean:  # results, not the environment
	rm -rf results/*/ logs .snakemake
