# `make demo` and `make test` do all set-up themselves, in .venv; nothing else of the machine is changed.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin

.PHONY: demo test test-full bench faults check golden docs record clean

demo: .venv/ready  ## simulated campaigns, one HTTP message each, into a real engine
	@$(BIN)/ocs-elastic demo

test: check  ## everything that CI runs
	@$(BIN)/pytest

check: .venv/ready
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test-full: .venv/ready  ## on a real, empty Elasticsearch: make test-full ELASTICSEARCH=http://... [KIBANA=http://...]
	@test -n "$(ELASTICSEARCH)" || { echo "error: which Elasticsearch?" >&2; \
		echo "hint: make test-full ELASTICSEARCH=http://..., one that may be filled and emptied;" \
		"for security, TEST_ELASTICSEARCH_USERNAME and TEST_ELASTICSEARCH_PASSWORD in the environment" >&2; exit 2; }
	@TEST_ELASTICSEARCH_URL="$(ELASTICSEARCH)" TEST_KIBANA_URL="$(KIBANA)" \
		$(BIN)/pytest tests/recorded/test_recorded.py $(if $(KIBANA),tests/recorded/test_recorded_kibana.py) \
		tests/engine --ignore tests/engine/test_local.py --evidence tests/evidence

bench: .venv/ready  ## measure, on TEST_ELASTICSEARCH_URL or the embedded engine: make bench [GROUPS="bulk single"]
	@$(BIN)/python -m tests.bench $(GROUPS)

faults: .venv/ready  ## every fault at every write, and 100,000 messages while the engine is killed twice: half an hour
	@TEST_FAULTS=all TEST_FAULTS_MESSAGES=100000 TEST_FAULTS_KILLS=2 TEST_FAULTS_RATE=1000 TEST_FAULTS_LETTERS=2000 \
		TEST_UPGRADE_MESSAGES=200000 \
		$(BIN)/pytest -s tests/faults tests/engine/test_migrate.py

record: .venv/ready  ## keep a real, empty Elasticsearch's answers, which CI plays: make record ELASTICSEARCH=http://... [KIBANA=http://...]
	@test -n "$(ELASTICSEARCH)" || { echo "error: which Elasticsearch?" >&2; \
		echo "hint: make record ELASTICSEARCH=http://..., once for each version in tests/recorded/cassettes" >&2; exit 2; }
	@TEST_ELASTICSEARCH_URL="$(ELASTICSEARCH)" TEST_KIBANA_URL="$(KIBANA)" \
		$(BIN)/pytest tests/recorded/test_recorded.py $(if $(KIBANA),tests/recorded/test_recorded_kibana.py) \
		tests/engine/test_pipeline.py::test_record --record

golden: .venv/ready  ## write the golden files anew; review the result as a diff
	@$(BIN)/pytest tests/golden --update

docs: .venv/ready  ## write the generated parts of README.md anew
	@$(BIN)/python -m cogapp -r README.md

.venv/ready: pyproject.toml .ci/constraints.txt
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer found" >&2; \
		echo "hint: install it, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "error: $(PYTHON) cannot make virtual environments" >&2; \
		echo "hint: on Debian and Ubuntu, install the package python3-venv" >&2; exit 1; }
	@echo "Setting up .venv ..." >&2
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c .ci/constraints.txt -e '.[local,dev]'
	@touch $@

clean:
	rm -rf .venv dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
