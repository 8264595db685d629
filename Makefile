# The two commands a newcomer needs: `make up` and `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
DATA ?= var
MODEL := matching/embeddings/models/duijie-encoder
# Of the integration tests; it takes longest, so it goes first.
WITHOUT_SERVERS := tests/integration/policy
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help up setup test lint audit bench chaos pages clean

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | column -t -s "$$(printf '\t')"

up: setup ## Set up and start the whole product with demonstration data on http://127.0.0.1:8000
	@exec $(BIN)/duijie up --demo --port $(PORT) --data $(DATA)

setup: $(VENV)/.packages $(VENV)/.assets $(VENV)/.translations $(MODEL)/model_int8.onnx ## Set up everything in .venv

# The lock file pins every package. uv is used where it is installed: it does in seconds what takes pip minutes.
$(VENV)/.packages: requirements.lock setup.cfg pyproject.toml
	@if command -v uv >/dev/null; then \
		uv venv --quiet --allow-existing --python $(PYTHON) $(VENV) && \
		uv pip sync --quiet --python $(BIN)/python requirements.lock && \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .; \
	else \
		$(PYTHON) -m venv $(VENV) && \
		$(BIN)/pip install --quiet --requirement requirements.lock && \
		$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .; \
	fi
	@touch $@

$(VENV)/.assets: package.json package-lock.json $(VENV)/.packages
	@command -v npm >/dev/null || { echo "需要 Node.js（含 npm）18 以上来取网页资源 / Node.js 18 or later with npm is needed for the web assets" >&2; exit 1; }
	@npm ci --silent --no-audit --no-fund && npm run --silent assets
	@touch $@

$(VENV)/.translations: $(wildcard web/translations/*/LC_MESSAGES/*.po) $(VENV)/.packages
	@$(BIN)/pybabel --quiet compile --directory web/translations
	@touch $@

# The fast int8 form of the shipped encoder is derived, not committed.
$(MODEL)/model_int8.onnx: $(MODEL)/model.safetensors matching/embeddings/onnx_export.py $(VENV)/.packages
	@$(BIN)/python -m matching.embeddings.onnx_export $(MODEL) $@

test: setup ## Run all tests; installs the servers and the browser they need where it can
	@$(BIN)/python -m tests.prepare
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check . && $(BIN)/lint-imports && $(BIN)/mypy
	@# What starts no servers runs on both cores; the rest one after another, for its processes need them.
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(WITHOUT_SERVERS) tests/unit tests/quality; first=$$?; \
	$(BIN)/python -m pytest tests/integration $(WITHOUT_SERVERS:%=--ignore=%) tests/packaging tests/e2e && exit $$first

lint: setup ## Style, types and the direction of imports
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports && $(BIN)/mypy

audit: setup ## List what the product is made of (build/sbom.cdx.json), check licences and known vulnerabilities
	@$(BIN)/python -m tests.audit $(AUDIT)

bench: setup ## Measure; BENCH=folder with judged sets for match quality
	@$(BIN)/python -m tests.bench $(BENCH)

chaos: setup ## Kill workers and servers while writers run, then compare everything
	@$(BIN)/python -m pytest -m chaos -s --chaos-posts 500 tests/integration

pages: setup ## Try all pages in Chromium, on PostgreSQL and Elasticsearch instead of the embedded parts
	@$(BIN)/python -m tests.prepare
	@$(BIN)/python -m pytest -m e2e --parts servers tests/e2e

clean: ## Remove what was derived
	@rm -rf $(VENV) node_modules web/static/vendor build dist *.egg-info $(MODEL)/model_int8.onnx
