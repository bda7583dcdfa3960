# `make demo` and `make test` set up everything they need in .venv; nothing has to be done before them.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
DEMO := demo

.PHONY: demo test lint golden docs bench soak clean

demo: .venv/core
	@mkdir -p $(DEMO)
	@$(BIN)/afterglow show sample_logs/cv-pipeline sample_logs/skewed-join --depth job --limit 4
	@$(BIN)/afterglow import sample_logs --tracking-uri sqlite:///$(CURDIR)/$(DEMO)/mlflow.db

test: .venv/dev
	@$(BIN)/python -m pytest -n auto --dist loadfile

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

golden: .venv/dev
	$(BIN)/python -m tests.golden.regenerate
	git --no-pager diff --stat tests/golden

docs: .venv/dev
	$(BIN)/python docs/generate.py

bench: .venv/dev
	$(BIN)/python -m benchmarks

soak: .venv/dev
	AFTERGLOW_SOAK=1 $(BIN)/python -m pytest -n auto tests/property

clean:
	rm -rf .venv $(DEMO) build *.egg-info

DIRS := $(shell find ingest schemas annotate -type d -not -name __pycache__ 2>/dev/null)

# A strict editable install is a tree of links: it is made anew where a file came or went.
.venv/core: pyproject.toml $(DIRS)
	@test -n "$(PYTHON)" || { echo "Afterglow needs Python 3.11 or newer; install it, or say make PYTHON=/path/to/python"; exit 1; }
	@test -x $(BIN)/uv || { $(PYTHON) -m venv .venv && $(BIN)/pip install --quiet --disable-pip-version-check uv; } || \
		{ echo "no virtual environment could be made with $(PYTHON); on Debian: apt install python3-venv"; exit 1; }
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --config-settings editable_mode=strict -e .
	@touch $@

.venv/dev: pyproject.toml .venv/core
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --config-settings editable_mode=strict -e '.[dev,spark]'
	@touch $@
