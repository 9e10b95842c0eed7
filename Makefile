# Tower. `make demo` runs the main job, `make test` the tests; `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup hooks demo demo-episode up fmt lint types contracts unit quick test test-live fuzz torture check coverage bench images pins clean
help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tower needs Python 3.11 or newer: make setup PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

setup: $(READY)  ## make .venv and install what is pinned

hooks: setup  ## have git run the quick checks before each commit
	$(BIN)/pre-commit install

demo: setup  ## start the stack, render a 3-second shot, print the path of the MP4, stop the stack, name the next step
	$(BIN)/tower generate "cyberpunk detective walking in neon city" --duration 3
	@echo 'Next: run  make up  here, and in a second terminal  $(BIN)/tower project create "Neon Rain"  (docs/tutorial.md goes on from there)'

demo-episode: setup  ## make an episode of three scenes with music and subtitles, publish it, print the paths of the film and its NFO
	$(BIN)/python -m deployments.demo_episode

up: setup  ## the whole stack until Ctrl-C
	$(BIN)/tower up

fmt: setup  ## format the code
	$(BIN)/ruff format .

lint: setup  ## ruff's rules
	$(BIN)/ruff check .

types: setup  ## mypy, strict
	$(BIN)/mypy

contracts: setup  ## who may import whom
	$(BIN)/lint-imports

unit: setup  ## tests that need no server, no browser and no film
	$(BIN)/python -m pytest -m unit

quick: setup  ## all tests but those of the whole stack, of browsers, of films and sounds
	$(BIN)/python -m pytest -m "not e2e and not browser and not media"

test: setup  ## all tests, in as many processes as there are cores, at most four
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-live: setup  ## against a real ComfyUI: make test-live COMFYUI_URL=http://127.0.0.1:8188
	@test -n "$(COMFYUI_URL)" || { echo "Say which: make test-live COMFYUI_URL=http://127.0.0.1:8188"; exit 2; }
	COMFYUI_URL="$(COMFYUI_URL)" $(BIN)/python -m pytest tests/live

fuzz: setup  ## ask both services thousands of odd questions made from their OpenAPI, and try every law on more examples
	$(BIN)/python -m pytest --hypothesis-profile=fuzz $$(grep -rlE "^from hypothesis|tests.hypothesis_profiles" --include="test_*.py" tests)

torture: setup  ## kill each process at each moment of a job, for half an hour; the table is build/torture/table.md
	$(BIN)/python -m tests.torture $(TORTURE)

check: setup  ## all that CI asks: format, lint, types, import contracts, all tests
	$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory lint types contracts test

coverage: setup  ## all tests, measured in every process: build/coverage/html
	rm -rf build/coverage && mkdir -p build/coverage
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage html --quiet
	$(BIN)/coverage report --format=total

bench: setup  ## measure what is claimed, beside a baseline; results in benchmarks/results/
	$(BIN)/python -m benchmarks.run

images: setup  ## draw the README's pictures again
	$(BIN)/python docs/make_images.py

pins: setup  ## make constraints.txt again
	$(BIN)/pip-compile --quiet --all-extras --strip-extras --upgrade --no-emit-index-url --no-emit-trusted-host \
		--no-emit-find-links --no-header --no-annotate --allow-unsafe --output-file constraints.txt pyproject.toml

clean:  ## forget the virtual environment and caches; data/ stays
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

docs: setup  ## write the reference pages of docs/ and .env.example from their sources
	$(BIN)/python -m docs.make_reference
.PHONY: docs
