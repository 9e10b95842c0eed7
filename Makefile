# Tower. `make demo` runs the main job, `make test` the tests; `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup demo up test test-live check bench images pins clean
help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tower needs Python 3.11 or newer: make setup PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

setup: $(READY)  ## make .venv and install what is pinned

demo: setup  ## start the stack, render a 3-second shot, print the path of the MP4, stop the stack
	$(BIN)/tower generate "cyberpunk detective walking in neon city" --duration 3

up: setup  ## the whole stack until Ctrl-C
	$(BIN)/tower up

test: setup  ## all tests
	$(BIN)/python -m pytest

test-live: setup  ## against a real ComfyUI: make test-live COMFYUI_URL=http://127.0.0.1:8188
	@test -n "$(COMFYUI_URL)" || { echo "Say which: make test-live COMFYUI_URL=http://127.0.0.1:8188"; exit 2; }
	COMFYUI_URL="$(COMFYUI_URL)" $(BIN)/python -m pytest tests/live

fuzz: setup  ## ask both services thousands of odd questions made from their OpenAPI, and try every law on more examples
	$(BIN)/python -m pytest --hypothesis-profile=fuzz $$(grep -rlE "^from hypothesis|tests.hypothesis_profiles" --include="test_*.py" tests)

check: setup  ## format, lint, types, import contracts, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest

bench: setup  ## measure what is claimed, beside a baseline; results in benchmarks/results/
	$(BIN)/python -m benchmarks.run

images: setup  ## draw the README's pictures anew
	$(BIN)/python docs/make_images.py

pins: setup  ## make constraints.txt anew
	$(BIN)/pip-compile --quiet --all-extras --strip-extras --upgrade --no-emit-index-url --no-emit-trusted-host \
		--no-emit-find-links --no-header --no-annotate --allow-unsafe --output-file constraints.txt pyproject.toml

clean:  ## forget the virtual environment and caches; data/ stays
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

docs: setup  ## write the reference pages of docs/ and .env.example from their sources
	$(BIN)/python -m docs.make_reference
.PHONY: docs
