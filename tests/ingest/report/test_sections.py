"""The tables of the report: executors, cached data, configuration, environment, and time in Python workers."""

import re
from typing import Any

import pytest

from afterglow.ingest.application_view import ApplicationView
from afterglow.ingest.find_logs import find_log
from afterglow.ingest.pipeline import derive_tree, read_view
from afterglow.ingest.publish.artifacts import link_report
from afterglow.ingest.report import draw_report
from afterglow.ingest.report.executor_table import EXECUTOR_COLUMNS, cached_rows, executor_rows
from afterglow.ingest.report.report_data import ReportData, report_data
from afterglow.ingest.report.settings_table import environment, settings
from afterglow.ingest.report.stage_table import python_time, stage_rows
from tests.conftest import sample_log


@pytest.fixture(scope="module")
def lost() -> ReportData:
    return data_of("executor-lost")


def data_of(name: str) -> ReportData:
    app: ApplicationView = read_view(find_log(str(sample_log(name))))
    return report_data(derive_tree(app, "none"), app)


def test_a_lost_executor_comes_first_and_says_when_and_why(lost: ReportData) -> None:
    first, *others = executor_rows(lost)
    assert (first.name, first.removed) == ("1 on 127.0.0.1", "after 35.2 s: Command exited with code 137")
    shown = dict(zip(EXECUTOR_COLUMNS, (text for _, text in first.cells), strict=True))
    assert (shown["cores"], shown["tasks"], shown["failed"], shown["memory"]) == ("1", "6", "1", "133 MB")
    assert [row.removed for row in others] == ["", ""]
    assert sum(row.cells[4][0] for row in (first, *others)) == len(lost.app)


def test_python_workers_are_named(lost: ReportData) -> None:
    ((name, time),) = python_time(lost)
    assert name == "PythonRDD" and time.endswith(" s")
    assert {row.python for row in stage_rows(lost)} == {"PythonRDD"}


def test_cached_data_says_who_used_it() -> None:
    rows = cached_rows(data_of("cached-and-skipped"))
    assert [(row.storage, row.partitions) for row in rows] == [("memory and disk", "2"), ("memory", "2")]
    assert rows[1].name == "RDD 5 counts" and all(re.fullmatch(r"\S+ \S+ to .+", row.used) for row in rows)


def test_the_configuration_is_what_somebody_chose(lost: ReportData) -> None:
    chosen = dict(settings(lost))
    assert chosen["spark.executor.memory"] == "512m" and chosen["spark.default.parallelism"] == "2"
    ours = {"spark.app.id", "spark.driver.port", "spark.driver.extraJavaOptions", "spark.scheduler.mode"}
    assert not ours & set(chosen)
    about = dict(environment(lost))
    assert (about["Spark"], about["deploy mode"]) == ("4.3.0", "client") and about["started"].endswith(" UTC")


def test_runs_are_linked_where_the_report_is_published(lost: ReportData) -> None:
    page = draw_report(lost.tree, lost.app)
    root = lost.tree.application.key
    assert f'data-run="{root}"'.encode() in page and b'href="http' not in page

    def address(key: str) -> Any:
        return "http://host/?a=1&b=2" if key == root else None

    linked = link_report(page, address)
    assert linked.count(b'data-run="http://host/?a=1&amp;b=2"') == 1 and root.encode() + b'"' not in linked
    assert linked.count(b"data-run=") == page.count(b"data-run=") > 5
