PYTHON := .venv/bin/python
ISIC ?=
SERVE ?= 1
# Tests that run on PostgreSQL, too: those of the site, without most that train networks or open a browser.
ON_BOTH := tests/turing $(wildcard tests/test_*.py) tests/gan/importing/test_import_isic.py \
	tests/gan/importing/test_import_images.py tests/gan/datasets/test_patients.py tests/gan/curation/test_curate_images.py \
	tests/server/test_connections.py tests/browser/test_connection.py tests/browser/test_main_job.py

# A file's tests stay together: they share what the first of them has made.
# A worker that ended is not replaced, because the new one would run the whole file again.
AT_ONCE := --numprocesses 2 --dist loadfile --max-worker-restart 0

.PHONY: setup demo test test-sqlite test-postgresql bench lint audit docs docs-check

setup:
	@scripts/setup

demo: setup
	@$(PYTHON) manage.py migrate --verbosity 0
	@$(PYTHON) manage.py demo $(if $(ISIC),--isic "$(ISIC)")
ifneq ($(SERVE),0)
	@.venv/bin/gunicorn turing.wsgi --bind 127.0.0.1:8000
endif

test: test-sqlite test-postgresql

test-sqlite: setup
	@scripts/setup-browser
	@scripts/setup-postgres
	@$(PYTHON) -m pytest $(AT_ONCE)

test-postgresql: setup
	@scripts/setup-browser
	@scripts/setup-postgres
	@$(PYTHON) -m pytest --database postgresql $(AT_ONCE) $(ON_BOTH)

bench: setup
	@$(PYTHON) -m benchmarks.train_dcgan
	@$(PYTHON) -m benchmarks.roofline
	@$(if $(ISIC),$(PYTHON) -m benchmarks.quality "$(ISIC)",echo "benchmarks.quality needs images: ISIC=FOLDER make bench")
	@$(PYTHON) -m benchmarks.statistics
	@$(PYTHON) -m benchmarks.dashboard
	@$(PYTHON) -m benchmarks.collection
	@$(PYTHON) -m benchmarks.web
	@$(PYTHON) -m benchmarks.web --chaos
	@$(PYTHON) -m benchmarks.coverage
	@$(PYTHON) -m benchmarks.model
	@$(PYTHON) -m benchmarks.thresholds

lint: setup docs-check
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/lint-imports
	@.venv/bin/mypy

audit: setup
	@$(PYTHON) scripts/audit.py

# The hint about MkDocs's future is Material's own; docs/decisions/0013-documentation.md says what we do about it.
docs: setup
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs serve --dev-addr 127.0.0.1:8001

docs-check: setup
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict
