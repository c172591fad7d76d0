# What a developer does here; `make` alone lists it. In the virtual environment of your choice.

PYTHON ?= python
CANARY := build/canary
# What `make canary` takes: the newest release, pre-releases included, or main with
# make canary DISTILABEL="distilabel @ git+https://github.com/argilla-io/distilabel"
DISTILABEL ?= distilabel>=1.5.3.dev0

.PHONY: help install test test-all lint docs docs-output bench figures check-figures gate canary page-libraries

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

install:  ## the package with what its tests need, and the hooks of git
	$(PYTHON) -m pip install -e ".[test]" pre-commit
	$(PYTHON) -m pre_commit install

test:  ## the quick tests
	$(PYTHON) -m pytest --max-seconds 3

test-all:  ## all tests; what needs a server that is missing says how to get it
	$(PYTHON) -m pytest -m ""

lint:  ## style, format, types, licences of the dependencies
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	lint-imports
	$(PYTHON) tests/licences.py

docs:  ## the site in build/site (extra docs); a warning, a broken link or a request to another host is an error
	$(PYTHON) -m tools.site.pages
	zensical build --strict --clean
	! grep -rnoE '<script[^>]+src="?https?:[^>]*|<link[^>]+stylesheet[^>]+https?:[^>]*|url\(.?https?:[^)]*' \
	  --include='*.html' --include='*.css' build/site

docs-output:  ## what the commands of the pages print, written anew into docs/
	$(PYTHON) -m tests.support.pages

bench:  ## deduplication, side by side; other figures: see benchmarks/
	$(PYTHON) benchmarks/rouge_dedup.py --sizes 5000 52000 --methods python numba

figures:  ## the ratios that the documents name, beside those that were recorded
	$(PYTHON) benchmarks/figures.py

check-figures:  ## fails where one of them is worse by more than a tenth; no part of the gate
	$(PYTHON) benchmarks/figures.py --check

gate:  ## what must pass before a change goes in: all of it in a fresh environment
	.ci/run

page-libraries:  ## the libraries of the report's page, bundled anew (needs npm)
	cd tools/page_libraries && npm ci --no-audit --no-fund && npm run --silent build

canary:  ## whether the door to distilabel holds with its newest version, in an environment of its own
	$(PYTHON) -m venv --clear $(CANARY)
	$(CANARY)/bin/python -m pip install --quiet -e ".[test]"
	$(CANARY)/bin/python -m pip install --quiet --upgrade "$(DISTILABEL)"
	$(CANARY)/bin/python -m pip list | grep -w distilabel
	$(CANARY)/bin/python -m pytest tests/engine/test_stock.py
