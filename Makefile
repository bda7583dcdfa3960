# `make demo` and `make test` set up everything they need in .venv; nothing has to be done before them.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3.10 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# Where it is set (as in many containers) every start compiles numpy, pyarrow and mlflow anew.
unexport PYTHONDONTWRITEBYTECODE
DEMO := demo

# Three processes for two cores: many tests wait for a process of their own.
PYTEST := $(BIN)/python -m pytest -n 3 --dist loadfile
COVERED := $(if $(COVERAGE),--cov --cov-append --cov-report=)

.PHONY: demo test test-all test-slow test-spark35 coverage lint golden docs site bench soak dist dist-pure annotate-zip clean

demo: .venv/core
	@mkdir -p $(DEMO)
	@$(BIN)/afterglow import $(addprefix sample_logs/,annotated-search skewed-join executor-lost) \
		--tracking-uri sqlite:///$(CURDIR)/$(DEMO)/mlflow.db --experiment demo --quiet
	@$(BIN)/afterglow compare sample_logs/skewed-join sample_logs/broadcast-join --html $(DEMO)/compare.html > /dev/null
	@echo 'Three sample logs are now in the experiment "demo". Start MLflow, and open the address below it:'
	@echo '  $(BIN)/mlflow server --backend-store-uri sqlite:///$(CURDIR)/$(DEMO)/mlflow.db --port 5000'
	@echo '  http://127.0.0.1:5000/#/experiments/1/runs?workflowType=machine_learning&viewStateShareKey=afterglow-applications'
	@echo 'Look at these runs, and follow the links in the description of the experiment:'
	@echo '  house-sales search: a search with 4 trials. Which one won, and what did the most expensive one cost?'
	@echo '  skewed-join: one task of a join has nearly all of the data. Open report.html among its artifacts.'
	@echo '  executor-lost: an executor died. Which stages ran again?'
	@echo 'Open $(CURDIR)/$(DEMO)/compare.html: what a broadcast join changes in skewed-join.'

# Everything that needs no Spark, no server, no database and no browser.
test: .venv/dev
	@$(PYTEST) -m 'not slow' $(COVERED)

# The rest.
test-all: test-slow test-spark35

# Two at once: most of these start a Spark, a server or a database, and have bounds on how long they wait for it.
test-slow: .venv/dev
	@$(PYTEST) -n 2 -m slow --durations 15 $(COVERED)

# The lines that `make test` and then all tests of this environment cover. Measuring takes half as long again.
coverage: .venv/dev
	@$(BIN)/coverage erase
	@$(MAKE) --no-print-directory test COVERAGE=1
	@echo "make test covers $$($(BIN)/coverage report --format total) % of the lines."
	@$(MAKE) --no-print-directory test-slow COVERAGE=1
	@$(BIN)/coverage report

# Only pyspark and pytest are installed beside `annotate`, as in a training job. A job that ran there is read back here.
SPARK35 := .venv-spark35/bin/python
# They read back what a job wrote, or build packages, with what only .venv has.
NOT_THERE := test_distribution.py test_read_back.py test_loop_tables.py test_frameworks.py test_models.py \
	test_connect.py
test-spark35: .venv/dev .venv-spark35/done
	@$(SPARK35) -m pytest -n 2 --dist loadfile tests/annotate $(addprefix --ignore tests/annotate/,$(NOT_THERE))
	@AFTERGLOW_JOB_PYTHON=$(CURDIR)/$(SPARK35) $(BIN)/python -m pytest tests/annotate/test_read_back.py -k 'not own_runs'

SCHEMA := $(BIN)/check-jsonschema --quiet --builtin-schema
lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(SCHEMA) vendor.github-workflows .github/workflows/*.yml
	$(SCHEMA) custom.github-workflows-require-timeout .github/workflows/*.yml
	$(SCHEMA) vendor.dependabot .github/dependabot.yml
	$(SCHEMA) vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/framework.yml
	$(SCHEMA) vendor.citation-file-format CITATION.cff

golden: .venv/dev
	$(BIN)/python -m tests.golden.regenerate
	git --no-pager diff --stat tests/golden

# The documentation as a web site, in build/site. A broken link or a page outside the navigation is an error.
site: .venv/dev
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -e '.[docs]' --config-settings editable_mode=strict
	$(BIN)/mkdocs build --strict

docs: .venv/dev
	$(BIN)/python docs/generate.py

bench: .venv/dev
	$(BIN)/python -m benchmarks

soak: .venv/dev
	AFTERGLOW_SOAK=1 $(BIN)/python -m pytest -n 2 tests/property
	AFTERGLOW_TIMES=20 $(BIN)/python -m pytest -n 2 --dist load tests/ingest/publish/test_concurrent_imports.py
	$(BIN)/python -m tests.property.run_corruptions --count 2520
	$(BIN)/python -m tests.fuzz.run_hostile
	$(BIN)/python -m tests.fuzz.compare_readers 60
	$(BIN)/python -m tests.fuzz.native 60
	$(BIN)/python -m tests.ingest.publish.kills --count 200
	$(BIN)/python -m tests.ingest.publish.faults --count 100

# What is released: the wheel and the sdist of spark-afterglow, those of spark-afterglow-annotate, and its zip.
DIST := dist
BUILD := $(BIN)/python -m build --installer uv --outdir $(DIST)
dist: .venv/dev annotate-zip
	@rm -f $(DIST)/*.whl $(DIST)/*.tar.gz
	@$(BUILD) . >/dev/null
	@$(BUILD) annotate >/dev/null
	@$(BIN)/twine check --strict $(DIST)/*.whl $(DIST)/*.tar.gz
	@$(BIN)/check-wheel-contents $(DIST)

# Beside the wheels with the scanner: the one without, the sdists and the zip.
dist-pure: .venv/dev
	@AFTERGLOW_NATIVE=0 $(MAKE) --no-print-directory dist

annotate-zip: .venv/dev
	@$(BIN)/python annotate/packaging/make_zip.py $(DIST)/spark-afterglow-annotate.zip

clean:
	rm -rf .venv .venv-spark35 $(DEMO) build dist *.egg-info .coverage .coverage.*

DIRS := $(shell find api ingest schemas annotate -type d -not -name __pycache__ 2>/dev/null)

# A strict editable install is a tree of links: it is made anew where a file came or went.
.venv/core: pyproject.toml $(wildcard ingest/decode/native/*.[ch]) $(DIRS)
	@test -n "$(PYTHON)" || { echo "Afterglow needs Python 3.10 or newer; install it, or say make PYTHON=/path/to/python"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv || \
		{ echo "no virtual environment could be made with $(PYTHON); on Debian: apt install python3-venv"; exit 1; }
	@test -x $(BIN)/uv || $(BIN)/pip install --quiet --disable-pip-version-check uv || \
		{ echo "pip could not install uv, which installs the rest: see above; can this machine reach PyPI?"; exit 1; }
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --config-settings editable_mode=strict -e .
	@touch $@

.venv/dev: pyproject.toml .venv/core
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --config-settings editable_mode=strict -e '.[dev,spark]'
	@touch $@

# pyspark 3.5 knows Python up to 3.11, numpy up to 1 and pandas up to 2; uv fetches that Python where it is missing.
.venv-spark35/done: pyproject.toml .venv/core
	@$(BIN)/uv venv --quiet --clear --python 3.11 .venv-spark35
	@$(BIN)/uv pip install --quiet --python $(SPARK35) 'pyspark==3.5.*' 'numpy<2' 'pandas<3' pytest pytest-xdist
	@$(BIN)/uv pip install --quiet --python $(SPARK35) --no-deps --config-settings editable_mode=strict -e .
	@touch $@
