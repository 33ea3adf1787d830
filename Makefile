# Every target first makes .venv from requirements.lock, when that changed. Needs git, make and Python >= 3.11.
PYTHON ?= python3
RUN = $(PYTHON) scripts/bootstrap.py

.DEFAULT_GOAL := help
.PHONY: help install demo serve test test-all check bench format lock setup

help:  ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile

install:  ## Install the service below PREFIX (default ~/.rigline); ARGS=... for `rigline install`
	@$(RUN) install $(if $(PREFIX),--prefix "$(PREFIX)") $(ARGS)

demo:  ## Show the main job on a sample project; ONCE=1 ends by itself
	@$(RUN) demo $(if $(ONCE),--once)

serve:  ## Run the whole service here
	@$(RUN) serve $(ARGS)

test:  ## Run the tests; ARGS=... for pytest
	@$(RUN) test $(ARGS)

test-all:  ## Run the tests, then those that meet the database on this machine's PostgreSQL
	@$(RUN) test-all $(ARGS)

check:  ## Check format, style, types and layers
	@$(RUN) check

bench:  ## Measure the service; ARGS=... for the benchmarks
	@$(RUN) bench $(ARGS)

format:  ## Format the code
	@$(RUN) format

lock:  ## Write requirements.lock anew from pyproject.toml
	@$(RUN) lock

setup:  ## Only make .venv
	@$(RUN) setup
