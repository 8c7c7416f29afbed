# What is done again and again; `.ci/run` calls it too.
PYTHON ?= python

.PHONY: help install lint format types test slow bench docs dist installed clean

help:  ## Say what there is
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

install:  ## Install the package in place, with what its development needs
	$(PYTHON) -m pip install -r requirements.txt -e ".[all]"

lint:  ## Check style and formatting
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

format:  ## Repair style and formatting where that can be done by itself
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

types:  ## Check types
	$(PYTHON) -m mypy

test:  ## Run the tests
	$(PYTHON) -m pytest -n 2 --dist loadfile

slow:  ## Run the tests that take minutes
	$(PYTHON) -m pytest -m slow

bench:  ## Run the benchmarks beside what others made, and write docs/benchmarks.md
	$(PYTHON) -m pip install -q -r requirements-bench.txt
	$(PYTHON) benchmarks/run_all.py

docs:  ## Build the site of the documentation, with warnings as errors
	$(PYTHON) -m pip install -q -r requirements-docs.txt
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict --quiet

dist:  ## Build the source distribution and the wheel
	rm -rf dist
	$(PYTHON) -m build

installed:  ## Build the source distribution, install it elsewhere and test it there
	PYTHON=$(PYTHON) .ci/installed

clean:  ## Remove what was built
	rm -rf build dist site *.egg-info spacy_skd/*.c spacy_skd/*.so spacy_skd/crf/*.c spacy_skd/crf/*.so
