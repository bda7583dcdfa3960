"""annotate.run, log_* and set_tags, the active MLflow run, and the redaction of secrets."""

from __future__ import annotations

import math
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from afterglow import annotate
from afterglow.annotate import active_run
from afterglow.schemas.annotations import RUN
from afterglow.schemas.spark import REDACTED

pytestmark = pytest.mark.spark


def _job(spark: Any, tasks: int) -> None:
    spark.sparkContext._jsc.parallelize([1] * tasks, tasks).count()


def test_runs_nest_and_mark_their_jobs(spark: Any, log: Any, local_properties: Any) -> None:
    before = local_properties()
    with annotate.run("outer") as outer:
        _job(spark, 1)
        with pytest.raises(KeyError), annotate.run("inner") as inner:
            _job(spark, 2)
            raise KeyError("x")
        _job(spark, 3)
    _job(spark, 4)
    assert local_properties() == before
    annotate.disable()
    written = log.read()
    assert [job.get(RUN) for job in written.jobs] == [outer, inner, outer, None]
    assert [(e["name"], e.get("parent")) for e in written.events_of("run_start")] == [("outer", None), ("inner", outer)]
    ends = [(e["id"], e["status"], e.get("error")) for e in written.events_of("run_end")]
    assert ends == [(inner, "FAILED", "KeyError: 'x'"), (outer, "FINISHED", None)]


def test_values_are_written_as_they_are_and_secrets_are_not(spark: Any, log: Any) -> None:
    with annotate.run("a") as run:
        annotate.log_params({"depth": 5, "api_key": "hunter2", "where": ["a", None], "object": SimpleNamespace(a=1)})
        annotate.log_param("name", "Ä" * 10_000)
        annotate.log_metric("loss", 0.1 + 0.2, step=7)
        annotate.log_metrics({"nan": math.nan, "inf": -math.inf, "n": 3})
        annotate.set_tags({"team": "x", "DB_PASSWORD": "hunter2"})
    annotate.disable()
    written = log.read()
    events = written.events_of("log")
    assert {event["run"] for event in events} == {run}
    params = {key: value for event in events for key, value in event.get("params", {}).items()}
    assert params.pop("name") == "Ä" * 6_000
    assert params == {"depth": 5, "api_key": REDACTED, "where": ["a", None], "object": "namespace(a=1)"}
    metrics = [row[:3] for event in events for row in event.get("metrics", [])]
    assert metrics == [
        ["loss", 0.30000000000000004, 7],
        ["nan", "NaN", None],
        ["inf", "-Infinity", None],
        ["n", 3, None],
    ]
    assert [event["tags"] for event in events if "tags" in event] == [{"team": "x", "DB_PASSWORD": REDACTED}]
    assert "hunter2" not in str(written.lines)


def test_many_metrics_are_written_in_few_jobs(spark: Any, log: Any) -> None:
    for step in range(1_000):
        annotate.log_metric("loss", step / 7, step)
    annotate.disable()
    written = log.read()
    rows = [row for event in written.events_of("log") for row in event["metrics"]]
    assert [(row[1], row[2]) for row in rows] == [(step / 7, step) for step in range(1_000)]
    assert len(written.job_starts) <= 10 and written.all("SparkListenerTaskStart") == []


def test_the_active_mlflow_run_is_written_once_without_credentials(
    spark: Any, log: Any, sized: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    current = SimpleNamespace(info=SimpleNamespace(run_id="r1", experiment_id="7"))
    fake = SimpleNamespace(
        active_run=lambda: current, get_tracking_uri=lambda: "https://me:pw@host:5000/x?token=abc&a=1"
    )
    monkeypatch.setitem(sys.modules, "mlflow", fake)  # type: ignore[arg-type]
    monkeypatch.setattr(active_run, "_last_written", None)
    annotate.autolog()
    sized.Sized().fit(spark.range(10))
    sized.Sized().fit(spark.range(10))
    current.info.run_id = "r2"
    annotate.log_metric("x", 1)
    annotate.disable()
    written = log.read()
    assert [event["run_id"] for event in written.events_of("mlflow_run")] == ["r1", "r2"]
    assert {e["tracking_uri"] for e in written.events_of("mlflow_run")} == {f"https://host:5000/x?token={REDACTED}&a=1"}
    assert {event["mlflow_run_id"] for event in written.events_of("estimator_start")} == {"r1"}
    assert {event["mlflow_run_id"] for event in written.events_of("log")} == {"r2"}


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sqlite:///mlflow.db", "sqlite:///mlflow.db"),
        ("./mlruns", "./mlruns"),
        ("databricks://profile", "databricks://profile"),
        ("postgresql://u:p@h/db?sslpassword=x", f"postgresql://h/db?sslpassword={REDACTED}"),
        ("file:///a/b?password=x", f"file:///a/b?password={REDACTED}"),
        ("sqlite:///a.db?token=x&b=1", f"sqlite:///a.db?token={REDACTED}&b=1"),
    ],
)
def test_tracking_uris_lose_their_credentials_only(uri: str, expected: str) -> None:
    assert active_run.without_credentials(uri) == expected
