"""A job over a real server of Spark Connect: every param, metric and status in the tables is the client's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from afterglow.ingest.application_view import ApplicationView
from afterglow.ingest.derive import derive
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import read_log
from afterglow.schemas.annotations import EVENT
from afterglow.schemas.logs import EventLogTables

JOB = Path(__file__).parent / "connect_job.py"
pytestmark = [pytest.mark.spark, pytest.mark.slow]


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> tuple[EventLogTables, dict[str, Any], str]:
    folder = tmp_path_factory.mktemp("connect")
    logs = folder / "logs"
    logs.mkdir()
    port = {"SPARK_TESTING": "1"}  # the server takes a free port: SparkSession._start_connect_server
    environment = {**os.environ, **port, "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    command = [sys.executable, "-W", "error:afterglow", str(JOB), str(logs), str(folder / "truth.json")]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "afterglow" not in done.stderr
    (log,) = logs.iterdir()
    return read_log(*find_logs([str(log)])), json.loads((folder / "truth.json").read_text()), log.read_text()


def test_params_metrics_and_best_trial_are_the_client_s_own(job: tuple[EventLogTables, dict[str, Any], str]) -> None:
    tables, truth, _ = job
    searches = {row["tuning_uid"]: row for row in tables.tunings.to_pylist()}
    trials = {(row["tuning_uid"], row["trial"]): row for row in tables.trials.to_pylist()}
    assert truth["searches"].keys() < searches.keys() and len(searches) == 4
    for uid, own in truth["searches"].items():
        found, numbers = searches[uid], range(len(own["params"]))
        assert (found["kind"], found["source"], found["status"]) == (own["kind"], "annotated", "FINISHED")
        assert [trials[uid, number]["avg_metric"] for number in numbers] == own["metrics"]
        assert [json.loads(trials[uid, number]["params_json"]) for number in numbers] == own["params"]
        assert (found["best_trial"], found["num_trials"]) == (own["best"], len(own["params"]))
    (loop,) = (row for uid, row in searches.items() if uid not in truth["searches"])
    turns = [trials[loop["tuning_uid"], number] for number in range(3)]
    assert [turn["avg_metric"] for turn in turns] == [*truth["loop"], None]
    assert [turn["status"] for turn in turns] == ["FINISHED", "FINISHED", "FAILED"]
    assert json.loads(turns[1]["params_json"]) == {"regParam": 3.0, "note": "a, b; 100 %"}


def test_every_job_of_a_search_has_its_trial_fold_and_phase(job: tuple[EventLogTables, dict[str, Any], str]) -> None:
    tables, truth, _ = job
    jobs = tables.jobs.to_pylist()
    for uid, own in truth["searches"].items():
        folds = 2 if own["kind"] == "CrossValidator" else 1
        places = {(job["trial"], job["fold"], job["phase"]) for job in jobs if job["tuning_uid"] == uid}
        trained = {
            (trial, fold, phase)
            for trial in range(len(own["params"]))
            for fold in range(folds)
            for phase in ("fit", "evaluate")
        }
        assert places - {(None, None, "prepare")} == trained | {(None, None, "refit")}


def test_evaluations_and_logged_values_reach_their_runs(job: tuple[EventLogTables, dict[str, Any], str]) -> None:
    tables, truth, text = job
    (fit,) = [row for row in tables.fits.to_pylist() if row["estimator_uid"] == truth["pipeline"]["uid"]]
    assert (fit["metric"], fit["source"]) == (truth["pipeline"]["metric"], "annotated")
    runs = derive(ApplicationView(tables)).runs
    (named,) = [run for run in runs if run.level == "run"]
    assert (named.name, named.params["kept"], named.metrics["share"]) == ("features", "a, b", 1 / 3)
    assert [run.level for run in runs if run.parent == named.key] == ["job"]
    (session,) = [run for run in runs if run.level == "session"]
    assert session.metrics["rows"] == 200 and "rows" not in runs[0].metrics
    assert "hunter2" not in text


def test_the_user_s_tags_and_queries_stay(job: tuple[EventLogTables, dict[str, Any], str]) -> None:
    tables, truth, _ = job
    assert truth["tags"] == ["mine"] and {tuple(own["tags"]) for own in truth["searches"].values()} == {("mine",)}
    operations = tables["connect_operations"].to_pylist()
    tags = {tag for row in operations for tag in row["session_tags"]}
    assert "mine" in tags and not any(tag.startswith(EVENT) for tag in tags)
    ours = [row for row in operations if row["kind"] == "annotation"]
    assert ours and not any(row["num_jobs"] for row in ours)
    assert not any("annotation" in (row["description"] or "") for row in tables["sql_executions"].to_pylist())
    assert not any(EVENT in (row["tags"] or "") for row in tables.jobs.to_pylist())
    assert tables.issues.num_rows == 0
