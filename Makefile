# Every command of the project; `make` lists them.
PYTHON ?= python3
BIN := .venv/bin
FLASK := $(BIN)/flask --app wsgi
RUN_STAMP := .venv/.run-$(shell cksum < requirements.txt | cut -d' ' -f1)
DEV_STAMP := .venv/.dev-$(shell cat requirements.txt requirements-dev.txt requirements-encoders.txt | cksum | cut -d' ' -f1)

.DEFAULT_GOAL := help
.PHONY: help setup dev encoders migrate-db run run-split test check fix lock map doors vendor migration torture bench bench-account bench-browsers bench-counting bench-logs bench-nlu bench-pages bench-queries bench-sandbox strangers escapes fuzz doctor

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(RUN_STAMP):
	@$(PYTHON) -c 'import sys; sys.exit("Brainbox needs Python 3.11 or newer." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(DEV_STAMP): $(RUN_STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-encoders.txt
	@touch $@

setup: $(RUN_STAMP) ## create .venv from the hash-locked requirements
dev: $(DEV_STAMP) ## the same, with the tools for working on Brainbox

encoders: setup ## install the encoder that reads intents besides their words
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-encoders.txt

migrate-db: setup ## bring the database up to date
	@$(BIN)/python tools/is_migrated.py || $(FLASK) db upgrade

run: migrate-db ## start Brainbox, embedded: one process, SQLite, no accounts elsewhere
	@exec $(BIN)/python wsgi.py

run-split: migrate-db ## start web and worker as separate processes (needs REDIS_URL)
	@exec sh tools/run-split.sh

test: dev ## run every test; installs and starts what they need
	@sh tools/test-parts.sh
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not browser" $(ARGS)
	$(BIN)/python -m pytest -n auto --dist loadfile -m browser $(ARGS)

check: dev ## lint, format, types, import contracts, dead code, templates, migrations, vendored files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports --config pyproject.toml
	$(BIN)/python tools/dead_code.py
	$(BIN)/djlint --lint --quiet app/templates
	$(BIN)/python tools/vendor.py --check
	$(BIN)/python tools/check_migrations.py

fix: dev ## mend what the linters can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: dev ## pin requirements*.in with hashes
	$(BIN)/uv pip compile --quiet --generate-hashes --no-annotate --no-header --no-emit-index-url requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --generate-hashes --no-annotate --no-header --no-emit-index-url requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile --quiet --generate-hashes --no-annotate --no-header --no-emit-index-url requirements-encoders.in -o requirements-encoders.txt

map: ## write docs/map.md, the map of the code
	@$(PYTHON) tools/map.py

doors: setup ## write the table of roles and doors into docs/security.md
	@$(BIN)/python tools/doors.py

vendor: dev ## fetch the browser's libraries named in vendor.toml (needs npm)
	$(BIN)/python tools/vendor.py

migration: dev ## write a migration for changed models: make migration M="what changed"
	$(FLASK) db migrate -m "$(M)"

torture: dev ## 5,000 messages and 50 kills, on SQLite and on PostgreSQL + Redis
	@sh tools/test-parts.sh
	$(BIN)/python -m bench.torture --layout sqlite --messages 5000 --kills 50
	$(BIN)/python -m bench.torture --layout postgres --messages 5000 --kills 50

bench: dev ## measure throughput, latency, CPU, sandbox and live pages, beside pywa + Flask and a floor
	@sh tools/test-parts.sh
	$(BIN)/python -m bench.pipeline --layout all --peer all
	$(BIN)/python -m bench.sandbox
	$(BIN)/python -m bench.browsers --browsers 500

bench-account: dev ## measure where a message's CPU goes, by process and thread
	$(BIN)/python -m bench.account

bench-nlu: encoders ## measure the understanding on FOLDER's sets: make bench-nlu FOLDER=../shared/nlu
	$(BIN)/python -m bench.nlu --data $(FOLDER)

bench-logs: dev ## measure the logging service: answers with dead sinks, drops, kills, its cost
	$(BIN)/python -m bench.logs

bench-queries: dev ## measure every query of inbox, failure desk and analytics: make bench-queries [N=1000000]
	@sh tools/test-parts.sh
	$(BIN)/python -m bench.queries --messages $(or $(N),1000000)

bench-pages: dev ## measure CPU, queries and bytes of each page: make bench-pages [N=10000]
	$(BIN)/python -m bench.pages --messages $(or $(N),10000)

bench-counting: dev ## measure what counting for the analytics costs the pipeline
	$(BIN)/python -m bench.counting

bench-browsers: dev ## measure live pages with 50 and 500 browsers
	$(BIN)/python -m bench.browsers

bench-sandbox: dev ## measure both modes of the sandbox, kills, losses, memory, neighbours
	$(BIN)/python -m bench.sandbox

strangers: dev ## measure what the others feel while strangers misbehave, in every layout
	@sh tools/test-parts.sh
	$(BIN)/python -m bench.strangers --layout all

escapes: dev ## attack the sandbox: make escapes CORPUS=FILE.jsonl [MODE=sticky|strict|os-only]
	@$(BIN)/python -m tests.escapes "$(or $(CORPUS),tests/escapes/own.jsonl)" $(if $(MODE),--mode $(MODE))

fuzz: dev ## attack it with what a fuzzer makes of the corpora: make fuzz [SECONDS=3600] [SEED=1]
	@$(BIN)/python -m tests.escapes.fuzz --seconds $(or $(SECONDS),3600) --seed $(or $(SEED),1)

doctor: setup ## check the installation and say what to do
	@$(FLASK) doctor
