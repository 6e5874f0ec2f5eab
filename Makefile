# `make demo` and `make test` set up .venv from nothing and are quick when it is already right.
# PYTHON chooses the interpreter: make test PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
DEMO := demo-runs

.PHONY: help setup demo test check faults audit format bench docs clean

help: ## what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) torch
	$(PIP) --editable '.[demo,dev]'
	touch $(READY)

setup: $(READY) ## make .venv with everything in it

demo: $(READY) ## fine-tune, evaluate and predict on the embedded model and data, without internet
	mkdir -p $(DEMO)
	cd $(DEMO) && ../$(BIN)/bertkit finetune bbc-news --model minilm
	cd $(DEMO) && ../$(BIN)/bertkit eval
	printf '%s\n' '{"text": "The striker scored twice in the cup final."}' \
	  '{"text": "Shares rose after the bank lifted its profit forecast."}' > $(DEMO)/file.jsonl
	cd $(DEMO) && ../$(BIN)/bertkit predict file.jsonl

test: $(READY) ## set up and run all tests
	$(BIN)/python -m pytest -n auto --dist loadfile

faults: $(READY) ## inject faults, hundreds of them, and write docs/reliability.md (half an hour)
	BERTKIT_FAULTS_TABLE=benchmarks/results/faults.json \
	  $(BIN)/python -m pytest -m 'long_faults or not long_faults' tests/faults
	$(BIN)/python -m pytest -m 'long_faults or not long_faults' tests/cli/test_faults.py tests/cli/test_signals.py \
	  tests/cli/test_predict_resume.py tests/cli/test_predict_workers.py tests/cli/test_repeat.py tests/cli/test_secrets.py \
	  tests/cli/test_skip_bad_rows.py tests/data/reading tests/models/test_sources.py tests/processes
	$(BIN)/python benchmarks/reliability.py
	$(BIN)/python benchmarks/reliability_page.py

check: $(READY) ## lint, format, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: $(READY) ## look up the tested versions among known vulnerabilities (asks pypi.org)
	$(PIP) 'pip-audit>=2.10,<3'
	$(BIN)/pip-audit --strict --requirement constraints.txt --no-deps --disable-pip

format: $(READY) ## mend what can be mended by machine
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## measure beside other tools: training, predicting, start-up, memory (hours; BENCH=--quick: minutes)
	$(PIP) --editable '.[demo,dev,bench]'
	$(BIN)/python benchmarks/run.py $(BENCH)
	$(BIN)/python benchmarks/contention.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/predict_memory.py
	$(BIN)/python benchmarks/performance_page.py

docs: $(READY) ## write docs/results.md from what was measured, and draw docs/finetune.svg (trains for minutes)
	$(BIN)/python benchmarks/results.py
	$(BIN)/python benchmarks/picture.py

clean: ## remove what was made here
	rm -rf $(VENV) $(DEMO) build dist
