PYTHON := .venv/bin/python
ISIC ?=
SERVE ?= 1

.PHONY: setup demo test bench lint audit

setup:
	@scripts/setup

demo: setup
	@$(PYTHON) manage.py migrate --verbosity 0
	@$(PYTHON) manage.py demo $(if $(ISIC),--isic "$(ISIC)")
ifneq ($(SERVE),0)
	@.venv/bin/gunicorn turing.wsgi --bind 127.0.0.1:8000
endif

test: setup
	@scripts/setup-browser
	@$(PYTHON) -m pytest

bench: setup
	@$(PYTHON) -m benchmarks.train_dcgan
	@$(if $(ISIC),$(PYTHON) -m benchmarks.quality "$(ISIC)",echo "benchmarks.quality needs images: ISIC=FOLDER make bench")
	@$(PYTHON) -m benchmarks.statistics
	@$(PYTHON) -m benchmarks.dashboard
	@$(PYTHON) -m benchmarks.coverage
	@$(PYTHON) -m benchmarks.thresholds

lint: setup
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/lint-imports
	@.venv/bin/mypy

audit: setup
	@$(PYTHON) scripts/audit.py
