# Every command of the project; `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
INSTALL := $(PIP) install --require-hashes
EDITABLE := $(PIP) install --no-deps --no-build-isolation -e .
UV_COMPILE := pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --quiet $(if $(UPGRADE),--upgrade)

ONLY ?=
ROUNDS ?=
SEED ?=
ARGS ?=

export PIP_ROOT_USER_ACTION := ignore
export PYTHONPATH :=

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: $(VENV)/.run-stamp ## Start Andon with its console on the embedded store
	@exec $(BIN)/andon serve $(ARGS)

.PHONY: setup
setup: $(VENV)/.dev-stamp ## Make .venv with everything that tests and checks need (PYTHON=python3.13)

.PHONY: test
test: setup ## Run all tests (ARGS="-k words")
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

CHECKS := check-types check-tree check-lint check-format check-imports check-links

.PHONY: check
check: setup ## Check format, lint, types, import rules and links (what pre-commit runs)
	@$(MAKE) --no-print-directory --output-sync=target --jobs=2 --keep-going $(CHECKS)

.PHONY: $(CHECKS)
check-types:
	@echo "types" && $(BIN)/mypy
check-format:
	@echo "format" && $(BIN)/ruff format --check --output-format=concise --quiet .
check-lint:
	@echo "lint" && $(BIN)/ruff check --output-format=concise --quiet .
check-imports:
	@echo "imports" && $(BIN)/lint-imports --no-logo
check-links:
	@echo "links" && $(BIN)/python -m scripts.check_links
check-tree:
	@echo "tree" && $(BIN)/python -m pytest -q --no-header -p no:cacheprovider \
		-m "not slow and not network" tests/architecture

.PHONY: bench
bench: setup ## Measure speed (ONLY=name)
	@$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY)) $(ARGS)

.PHONY: chaos
chaos: setup ## Try to break the promises, resumable (ONLY=name ROUNDS=n SEED=n)
	@$(BIN)/python -m bench.chaos $(if $(ONLY),--only $(ONLY)) \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: mutate
mutate: setup ## Break each invariant in a copy and see its test fail (ONLY=id)
	@$(BIN)/python -m scripts.mutate $(if $(ONLY),--only $(ONLY)) $(ARGS)

.PHONY: lock
lock: $(VENV)/bin/python ## Write the locks anew (UPGRADE=1 takes newer releases)
	@command -v uv >/dev/null || $(BIN)/python -m uv --version >/dev/null 2>&1 || $(PIP) install uv
	@uv="$$(command -v uv || echo '$(BIN)/python -m uv')" && \
	$$uv $(UV_COMPILE) pyproject.toml --all-extras --group dev -o requirements/dev.lock && \
	$$uv $(UV_COMPILE) pyproject.toml --extra server -c requirements/dev.lock \
		-o requirements/server.lock && \
	printf 'hatchling\neditables\n' | $$uv $(UV_COMPILE) - -c requirements/dev.lock \
		-o requirements/build.lock

.PHONY: audit
audit: setup ## Look for known flaws in what the server is locked to, and for missing wheels
	@$(BIN)/python -m scripts.check_wheels
	@$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements/server.lock

.PHONY: sbom
sbom: setup ## Write dist/andon.cdx.json, the bill of materials of the server (CycloneDX)
	@$(BIN)/python -m scripts.sbom

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Andon needs Python 3.11 or newer and $(PYTHON) is not. Name one:" \
		"make setup PYTHON=/path/to/python3.13" >&2; exit 1; }
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv --clear $(VENV)

$(VENV)/.dev-stamp: requirements/dev.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing what Andon and its tests need ..."
	@$(INSTALL) -r requirements/dev.lock
	@$(EDITABLE)
	@touch $@ $(VENV)/.run-stamp

$(VENV)/.run-stamp: requirements/server.lock requirements/build.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing what Andon needs ..."
	@$(INSTALL) -r requirements/server.lock -r requirements/build.lock
	@$(EDITABLE)
	@touch $@
