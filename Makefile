# Each target sets up what it needs; a second call finds it done.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
READY := .venv/.ready

.PHONY: help setup run data test check format bench codegen constraints clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): pyproject.toml constraints.txt scripts/setup.sh
	@echo "Setting up .venv"
	@bash scripts/setup.sh
	@touch $@

setup: $(READY) ## Make .venv with the packages and the tools

data: $(READY) ## Prepare the sample data that the examples read
	@$(BIN)/python -m examples.data

run: data ## Start the product with its sample data
	$(BIN)/flowfile serve

test: $(READY) ## Run every test
	$(BIN)/python -m pytest -W error

check: $(READY) ## Lint, formatting, types, import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	bash scripts/node.sh $(BIN)/pyright
	$(BIN)/lint-imports

format: $(READY) ## Format the code and mend what ruff can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(READY) ## Run the benchmarks
	$(BIN)/python -m benchmarks

codegen: $(READY) ## Write openapi.json and what is generated from it
	$(BIN)/python -m flowfile_core.codegen

constraints: $(READY) ## Resolve the newest versions into constraints.txt
	bash scripts/constraints.sh

clean: ## Remove .venv, caches and builds
	rm -rf .venv build dist .hypothesis .import_linter_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -not -path '*/node_modules/*' -exec rm -rf {} +
