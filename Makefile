# Every command of the project. Needs make, git and a Python >= 3.11 with venv; `make` alone lists the targets.
.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-print-directory

# Where this is set, every process compiles all it imports anew, and tests start hundreds of them.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
CODE := $(wildcard src tests benchmarks scripts)
SEED ?= 1

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: setup
setup: ## make .venv as locked, with the headwater command
	@scripts/setup

.PHONY: demo
demo: setup ## start a small grid, send readings, trace some back to their sensors
	@$(BIN)/headwater demo

.PHONY: test
test: ## all checks and tests
	@$(MAKE) --jobs=2 check stubs-fresh services
	@$(BIN)/pytest $(BESIDE)

# A worker more than there are processors: half of the time tests wait for real processes.
BESIDE := -n $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1) --maxprocesses 4 --dist worksteal

.PHONY: services
services: setup ## install the servers that tests and `headwater services` start, where that is possible
	@$(BIN)/python -m headwater.services.install

.PHONY: services-lock
services-lock: setup ## resolve what the servers run from anew into src/headwater/services/locks/
	@scripts/setup lock
	@$(BIN)/python -m scripts.lock_jars
	@for name in $(IN_PYTHON); do $(COMPILE) $(LOCKS)/$$name.in --output-file $(LOCKS)/$$name.txt || exit; done

LOCKS := src/headwater/services/locks
IN_PYTHON := keystone swift

.PHONY: check
check: types lint layers ## format, lint, types and layers

.PHONY: types
types: setup
	@$(BIN)/mypy $(CODE)

.PHONY: lint
lint: setup
	@$(BIN)/ruff format --check --quiet $(CODE)
	@$(BIN)/ruff check --quiet $(CODE)

.PHONY: layers
layers: setup
	@$(BIN)/lint-imports --no-logo

.PHONY: fix
fix: setup ## format, and correct what can be corrected
	@$(BIN)/ruff check --fix --quiet $(CODE)
	@$(BIN)/ruff format $(CODE)

.PHONY: crash
crash: SEEDS ?= 1000
crash: setup ## the long crash campaign: SEEDS=1000 from SEED=1
	@$(BIN)/python -m tests.campaigns.crash --seeds $(SEEDS) --from $(SEED)

.PHONY: faults
faults: SECONDS ?= 1800
faults: setup ## one long run under random faults from SEED=1: nothing lost, lineage exact, all healed after SECONDS=1800
	@$(BIN)/python -m tests.campaigns.crash --seeds 1 --from $(SEED) --long $(SECONDS)

.PHONY: mqtt
mqtt: MESSAGES ?= 10000
mqtt: setup services ## the MQTT campaign: broker and gateway killed during MESSAGES=10000 of 100 readings
	@$(BIN)/python -m tests.campaigns.mqtt --messages $(MESSAGES) --seed $(SEED)

.PHONY: quiet
quiet: SECONDS ?= 600
quiet: setup ## the quiet campaign: every core busy for SECONDS=600, nothing failed, so nothing may be Red
	@$(BIN)/python -m tests.campaigns.quiet --seconds $(SECONDS)

.PHONY: deployments
deployments: SECONDS ?= 5
deployments: setup ## every folder of deploy/ as containers without Docker, sensors sending for SECONDS=5; needs root
	@$(BIN)/python -m tests.campaigns.deployments --seconds $(SECONDS)

.PHONY: simulate
simulate: SEEDS ?= 1
simulate: setup ## the seeded simulation: replays SEED=1, or SEEDS=20000 from there
	@$(BIN)/python -m tests.campaigns.simulate --seeds $(SEEDS) --from $(SEED)

.PHONY: schemathesis
schemathesis: EXAMPLES ?= 1000
schemathesis: setup ## requests made up from the OpenAPI document: EXAMPLES=1000 an operation from SEED=1
	@HEADWATER_SCHEMATHESIS_EXAMPLES=$(EXAMPLES) $(BIN)/pytest -q tests/api/test_schema.py --hypothesis-seed=$(SEED) \
		-o timeout=0

.PHONY: fuzz
fuzz: INPUTS ?= 1000000
fuzz: setup ## any input for what reads it: INPUTS=1000000 a target from SEED=1, TARGET=sql for one
	@$(BIN)/python -m tests.campaigns.fuzz --inputs $(INPUTS) --seed $(SEED) $(if $(TARGET),--target $(TARGET))

.PHONY: bench
bench: setup ## the benchmarks
	@$(BIN)/python -m benchmarks

.PHONY: pictures
pictures: setup services ## every page of the dashboard as it looks, for docs/images/
	@HEADWATER_PICTURES=$(CURDIR)/docs/images $(BIN)/pytest -q -n 0 -p no:randomly tests/ui/test_pictures.py -k nothing

.PHONY: reference
reference: setup ## write the tables of docs/*.md and the folders of deploy/ from the code
	@$(BIN)/python -m scripts.generate_reference
	@$(BIN)/python -m scripts.generate_deployments

.PHONY: stubs
stubs: ## generate the gRPC stubs from src/headwater/wire/*.proto
	@scripts/setup stubs
	@.venv-stubs/bin/python scripts/generate_stubs.py

.PHONY: stubs-fresh
stubs-fresh: ## prove that the committed stubs are those of the .proto files
	@scripts/setup stubs
	@.venv-stubs/bin/python scripts/generate_stubs.py --check

.PHONY: lock
lock: ## resolve all dependencies anew into requirements*.lock
	@scripts/setup lock
	@$(COMPILE) --extra all --group dev pyproject.toml --output-file requirements.lock
	@$(COMPILE) --group pyproject.toml:stubs --output-file requirements-stubs.lock
	@$(MAKE) image-locks

.PHONY: image-locks
image-locks: ## the parts of requirements.lock that images hold, into deploy/locks/
	@scripts/setup lock
	@$(IMAGE_LOCK) --group pyproject.toml:build --output-file deploy/locks/build.lock
	@$(IMAGE_LOCK) --extra http --extra mqtt --extra redis pyproject.toml --output-file deploy/locks/gateway.lock
	@$(IMAGE_LOCK) --extra server --extra cassandra pyproject.toml --output-file deploy/locks/server.lock
	@$(IMAGE_LOCK) --extra s3 pyproject.toml --output-file deploy/locks/sensor.lock

IMAGE_LOCK = $(subst --upgrade ,,$(COMPILE)) --constraint requirements.lock

COMPILE = .venv-lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make $@"

VERSION ?= $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' src/headwater/__init__.py)

.PHONY: version
version: ## say which version this is
	@echo $(VERSION)

.PHONY: dist
dist: setup ## the wheel and the sources, into dist/
	@$(BIN)/hatchling build -d dist

.PHONY: publish
publish: ## send what is in dist/ to PyPI, which must trust whoever does it
	@scripts/setup lock
	@.venv-lock/bin/uv publish --trusted-publishing always dist/*

.PHONY: images
images: ## the container images gateway, server and sensor, with Docker
	@for image in gateway server sensor; do \
		docker build --file deploy/Dockerfile --target $$image --tag headwater/$$image:$(VERSION) . || exit; done

.PHONY: clean
clean: ## remove what the tools left, environments included
	@rm -rf .venv .venv-stubs .venv-lock build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
