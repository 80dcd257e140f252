# make triage and make test need Python 3.11+ with pip and venv, and make: nothing else.
PYTHON ?= python3
OUT ?= triage-$(shell date -u +%Y%m%dT%H%M%SZ)
FUZZ_SECONDS ?= 60
ARGS ?=
BIN := .venv/bin
MAKEFLAGS += --no-print-directory
SHELL := /bin/bash

.PHONY: help triage test lint docs wheel wheelhouse fuzz bench clean setup-triage setup-test
.DEFAULT_GOAL := help

help: ## what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' Makefile

setup-triage:
	@.ci/setup triage $(PYTHON)

setup-test:
	@.ci/setup test $(PYTHON)

triage: setup-triage ## collect from this host, seal, verify (OUT=FOLDER)
	@.ci/triage "$(OUT)"

test: setup-test ## the tests, with the oracles they compare with (ARGS="-k name")
	@.ci/oracles
	@$(BIN)/python -m pytest -n 2 $(ARGS)

lint: setup-test ## ruff, mypy for Linux and Windows, the floors
	@.ci/lint

docs: setup-test ## docs/cli.md from --help
	@$(BIN)/python docs/make_cli.py

wheel: setup-test ## wheel and sdist in dist/
	@.ci/wheel

wheelhouse: setup-test ## wheelhouse/: install on a host without a network
	@.ci/wheelhouse

fuzz: setup-test ## property tests with new examples (FUZZ_SECONDS=60)
	@.ci/fuzz $(FUZZ_SECONDS)

bench: setup-test ## ratios against named peers
	@$(BIN)/python -m benchmarks $(ARGS)

clean: ## everything made, but no evidence: triage-* stays
	@rm -rf .venv .setup build dist wheelhouse *.egg-info
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find forensics collectors rules tests benchmarks docs -name __pycache__ -prune -exec rm -rf {} +
