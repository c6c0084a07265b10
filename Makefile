# Every command of a developer or user; `make` alone lists them. Needs make and Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin
PROFILE ?= live
STAMP := .venv/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.PHONY: help setup paper test compiled check rules parity long recompute profiles cases wire faults livefaults ends sessions storm clients containers cluster mutants \
	simulate latency golden bench image up down clean
.DELETE_ON_ERROR:

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

setup: $(STAMP) ## Make .venv with everything at the versions of requirements.lock

# Made once: a second `venv` with another Python would mix the two. pip is what venv installs last.
$(BIN)/pip:
	$(PYTHON) -m venv .venv

# setuptools comes with the lock too: without build isolation nothing is installed that has no hash.
$(STAMP): pyproject.toml requirements.lock | $(BIN)/pip
	$(PIP) --require-hashes --requirement requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# A new folder each time: nothing is written over.
paper: OUT ?= out/paper-$(shell date -u +%Y%m%dT%H%M%SZ)
paper: $(STAMP) ## Paper-trade the synthetic sample over NATS and ClickHouse, to OUT (out/paper-<time>)
	$(BIN)/crypto-mm paper --venue binance --symbol SYNTH --source replay:samples/synth.gz \
		--config deploy/config/paper.toml --out $(OUT)

# Files of tests side by side: many wait for a server, and three at a time use both cores.
WORKERS ?= 3
# These have everything compiled, which is done once, beside the linters; the others load it.
COMPILING := tests/parity/test_generated.py tests/parity/test_cool_down.py

test: $(STAMP) ## Lint, then run all tests but the slow ones: what continuous integration runs first
	$(MAKE) --jobs 2 --output-sync=target check compiled
	$(BIN)/pytest -n $(WORKERS) --no-loadscope-reorder $(addprefix --ignore=,$(COMPILING))

compiled: $(STAMP) ## Compile the core and the loop of a backtest, and run the tests that need all of it: part of `test`
	$(BIN)/python deploy/warm.py deploy/config
	$(BIN)/pytest $(COMPILING)

check: $(STAMP) ## Lint only: ruff, mypy, import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

rules: ## Check and test the rules of Prometheus; needs promtool (Debian: prometheus)
	promtool check rules deploy/prometheus/rules/*.yml
	promtool test rules deploy/prometheus/tests/*.yml

parity: $(STAMP) ## Live against offline, over a real nats-server: part of `test`
	$(BIN)/pytest tests/parity

faults: $(STAMP) ## Kill each process of a session twenty times: about five minutes
	$(BIN)/pytest tests/faults -m slow

long: $(STAMP) ## Long tests: killed writers and recorders, a store that is away, whole recordings: ten minutes
	$(BIN)/pytest tests/integration tests/property -m slow --ignore=tests/integration/test_session_ends.py

recompute: $(STAMP) ## Recompute sessions of whole recordings from their raw frames by other code: three minutes, prints tables
	$(BIN)/pytest tests/recompute -m slow -s

profiles: $(STAMP) ## The profiles on the sample, and on RECORDINGS="SYMBOL=frames,frames ..", into docs/profiles.md
	$(BIN)/python -m tests.profiles.table --write $(RECORDINGS)

cases: $(STAMP) ## Run every small recording of a fault in each way and write docs/cases.md: four minutes
	$(BIN)/python -m tests.cases.table --write

wire: $(STAMP) ## Run the tests of the wire's 61 faults and write docs/wire-faults.md: two minutes
	$(BIN)/python -m tests.contract.wire_table

ends: $(STAMP) ## End sessions by signals at any moment, with services frozen and killed: ten minutes
	$(BIN)/pytest tests/integration/test_session_ends.py tests/integration/test_attacker.py -m slow

sessions: $(STAMP) ## Kill the command of a session, fill its disk, delete its bus, and go on: SESSION_KILLS=50 for fifty kills
	$(BIN)/pytest tests/sessions -m slow

storm: $(STAMP) ## Kill a process of a long session every few seconds; STORM="--kills 1000 ..": prints a histogram
	$(BIN)/python -m tests.sessions.storm $(STORM)

livefaults: $(STAMP) ## Live sessions on a venue that goes wrong, services that freeze: six minutes, prints a table
	$(BIN)/pytest tests/livefaults -m slow -s

clients: $(STAMP) ## Let ccxt, python-binance and cryptofeed follow the replay venue; installs them from PyPI: three minutes
	$(BIN)/pytest tests/clients -m slow

containers: $(STAMP) ## Image, servers, and docker-compose.yml with each container crashed or cut off: four minutes
	$(BIN)/pytest tests/containers -m slow -s

cluster: $(STAMP) ## A log at three servers, killed twenty times, and what guards its appends: five minutes, prints tables
	$(BIN)/pytest tests/cluster -m slow -s
	$(BIN)/python -m tests.cluster.appends

mutants: $(STAMP) ## Change the core in small ways and see which changes no test notices: hours; MUTANTS="--sample 12": an hour
	$(BIN)/python -m tests.mutants.run $(MUTANTS)

simulate: $(STAMP) ## Run the log's own code through 100,000 schedules of what can go wrong, and find planted faults: five minutes
	$(BIN)/python -m tests.simulation.run --write $(SIMULATE)

latency: $(STAMP) ## Measure: root to order through the services, against a bare chain of as many hops
	$(BIN)/python tests/bench/latency.py

golden: $(STAMP) ## Rewrite the golden files; review the diff as a change of trading behaviour
	$(BIN)/pytest $(wildcard tests/golden) tests/unit/test_wire.py --update-golden

bench: $(STAMP) ## Measure: backtest rows per second against the targets
	$(BIN)/python tests/bench/run.py

image: ## Build the image of all services
	docker build --file deploy/Dockerfile --target runtime --tag crypto-mm:$${MM_VERSION:-dev} .

# Secrets are made by the service `prepare` where they are missing.
up: ## Start everything in containers; PROFILE=replay plays a recorded market without internet
	docker compose --profile $(PROFILE) up --detach --wait

down: ## End the containers; data, logs and secrets stay in their volumes
	docker compose --profile '*' down

clean: ## Remove .venv, caches and build products; keeps out/
	rm -rf .venv build dist libs/*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find libs services tests -name __pycache__ -type d -prune -exec rm -rf {} +
