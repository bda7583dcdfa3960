"""What is declared is what is: docs, packages, metrics and sources."""

import sys
from pathlib import Path

import pytest

from afterglow.ingest.derive import derive
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import read_view
from afterglow.schemas.columns import Table
from afterglow.schemas.declaration_docs import documents
from afterglow.schemas.runs.levels import LEVELS
from afterglow.schemas.runs.metrics import RUN_METRICS
from afterglow.schemas.runs.params_tags import RUN_PARAMS, RUN_TAGS
from afterglow.schemas.tables import TABLES
from docs.generate import pages
from tests.conftest import sample_log, sample_names

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("file", sorted(pages()))
def test_docs_are_generated_from_the_schemas(file: str) -> None:
    assert (ROOT / "docs" / file).read_text(encoding="utf-8") == pages()[file], "run `make docs`"


def test_every_package_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    folders = {
        "afterglow." + ".".join(path.parent.relative_to(ROOT).parts)
        for top in ("ingest", "schemas", "annotate")
        for path in (ROOT / top).rglob("*.py")
        if not {"__pycache__", "packaging"} & set(path.parts)
    }
    folders.add("afterglow")  # api/
    assert folders == set(project["tool"]["setuptools"]["packages"])


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_column_says_what_it_is(table: Table) -> None:
    assert len(set(table.names)) == len(table.names)
    assert set(table.key) <= set(table.names)
    for column in table:
        assert column.doc.endswith(".") and column.source
        assert ">" in column.source or column.source.startswith("derived:"), column.name


def test_a_metric_name_is_declared_once() -> None:
    names = [metric.name for metric in RUN_METRICS]
    assert len(set(names)) == len(names)


def test_runs_carry_only_what_is_declared_and_all_of_it_somewhere() -> None:
    metrics = {metric.name: set(metric.levels) for metric in RUN_METRICS}
    tags = {tag.name: set(tag.levels) for tag in RUN_TAGS}
    params = {param.name for param in RUN_PARAMS}
    carried: dict[str, set[str]] = {}
    for name in sample_names():
        (log,) = find_logs([str(sample_log(name))])
        for run in derive(read_view(log)).runs:
            over_time = [name for name in run.history if name.startswith("system/")]
            for metric in (*run.metrics, *map(_of_any_executor, over_time)):
                # what the job itself logs has the job's names: accumulators, evaluation metrics, training loss
                if not metric.startswith(("user/", "loss/")) and ("/" in metric or metric in metrics):
                    assert run.level in metrics[metric], metric
                    carried.setdefault(metric, set()).add(run.level)
            for tag in run.tags:
                assert run.level in tags[tag], tag
            if run.level == "application":
                assert {"best_<param>" if name.startswith("best_") else name for name in run.params} <= params
    # no sample's Spark polled the executors' process trees; see tests/ingest/derive/test_timeseries.py
    # no sample records models of groups; see tests/ingest/derive/test_group_models.py
    of_models = {name for name in metrics if name.startswith("models/")}
    # publishing adds the figures of a job's history; see tests/ingest/test_check_history.py; --prices costs
    of_models |= {name for name in metrics if name.startswith(("history/", "cost/"))}
    # no sample has a streaming query; see tests/ingest/derive/test_streaming.py
    of_models |= {name for name in metrics if name.startswith(("batch/", "batches/"))}
    # what occurs in no sample: a metric of 0 is not written
    counts = {"tasks/speculative", "tasks/killed", "fits/failed", "findings/note", "wall_time/batch_wait_s"}
    assert set(metrics) - set(carried) <= {"system/<executor>/rss_megabytes", *counts} | of_models
    assert set(carried) <= set(metrics)


def _of_any_executor(metric: str) -> str:
    parts = metric.split("/")
    return f"system/<executor>/{parts[2]}" if len(parts) == 3 else metric


def test_levels_are_documented() -> None:
    assert [row["name"] for row in documents()["levels"].rows] == [level.level for level in LEVELS]
