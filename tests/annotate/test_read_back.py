"""Tables and runs of an annotated job agree with the job: exact at any parallelism, with every digit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from afterglow.ingest import import_logs
from afterglow.ingest.application_view import ApplicationView
from afterglow.ingest.derive import derive
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import read_log
from afterglow.schemas.logs import EventLogTables
from afterglow.schemas.runs.params_tags import KEY_TAG
from tests.ingest.publish.stores import new_sqlite

JOB = Path(__file__).parent / "annotated_job.py"


def run_job(folder: Path, *options: str) -> tuple[Path, dict[str, Any]]:
    logs = folder / "logs"
    logs.mkdir()
    python = os.environ.get("AFTERGLOW_JOB_PYTHON", sys.executable)  # another Spark's: make test-spark35
    environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": python}
    command = [python, str(JOB), str(logs), str(folder / "truth.json"), *options]
    subprocess.run(command, check=True, cwd=folder, env=environment, capture_output=True)
    (log,) = logs.iterdir()
    return log, json.loads((folder / "truth.json").read_text())


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> tuple[EventLogTables, dict[str, Any]]:
    log, truth = run_job(tmp_path_factory.mktemp("annotated"))
    return read_log(*find_logs([str(log)])), truth


@pytest.mark.spark
def test_params_and_metrics_are_the_models_own(job: tuple[EventLogTables, dict[str, Any]]) -> None:
    tables, truth = job
    searches = {row["tuning_uid"]: row for row in tables.tunings.to_pylist()}
    trials = {(row["tuning_uid"], row["trial"]): row for row in tables.trials.to_pylist()}
    cv, tvs = truth["cv"], truth["tvs"]
    assert {uid: (row["source"], row["confidence"], row["status"]) for uid, row in searches.items()} == {
        cv["uid"]: ("annotated", 1.0, "FINISHED"),
        tvs["uid"]: ("annotated", 1.0, "FINISHED"),
    }
    assert (
        searches[cv["uid"]]["num_folds"],
        searches[cv["uid"]]["num_trials"],
        searches[cv["uid"]]["parallelism"],
    ) == (3, 3, 3)
    for trial in range(3):
        row = trials[cv["uid"], trial]
        assert (row["avg_metric"], row["std_metric"]) == (cv["avg"][trial], cv["std"] and cv["std"][trial])
        assert json.loads(row["params_json"]) == {"LogisticRegression.regParam": cv["reg"][trial]}
    assert [trials[tvs["uid"], trial]["avg_metric"] for trial in range(2)] == tvs["metrics"]
    fits = [row for row in tables.fits.to_pylist() if row["tuning_uid"] == cv["uid"]]
    assert {(row["trial"], row["fold"]) for row in fits} == {(t, f) for t in range(3) for f in range(3)}
    for trial in range(3):
        metrics = [row["metric"] for row in sorted(fits, key=lambda r: r["fold"]) if row["trial"] == trial]
        assert sum(metrics) / 3 == pytest.approx(cv["avg"][trial], abs=1e-15)


@pytest.mark.spark
def test_every_job_of_a_search_has_its_place(job: tuple[EventLogTables, dict[str, Any]]) -> None:
    tables, truth = job
    rows = [row for row in tables.jobs.to_pylist() if not row["annotation"]]
    of_cv = [row for row in rows if row["tuning_uid"] == truth["cv"]["uid"]]
    assert {(row["trial"], row["fold"]) for row in of_cv if row["phase"] in ("fit", "evaluate")} == {
        (t, f) for t in range(3) for f in range(3)
    }
    assert {"fit", "evaluate", "refit"} <= {row["phase"] for row in of_cv}
    carried = [row for row in tables.jobs.to_pylist() if row["annotation"]]
    assert carried and all(not row["stage_ids"] and row["num_tasks"] == 0 for row in carried)


@pytest.mark.spark
def test_named_runs_values_of_tasks_and_loss_reach_the_tree(job: tuple[EventLogTables, dict[str, Any]]) -> None:
    tables, truth = job
    runs = derive(ApplicationView(tables)).runs
    (named,) = [run for run in runs if run.level == "run"]
    assert (named.name, named.params["kept"], named.tags["owner"]) == ("features", "a, b", "ml")
    assert [value for _, _, value in named.history["share"]] == [0.25, 0.5]
    assert named.metrics["user/positive"] == truth["positive"]
    assert [run.level for run in runs if run.parent == named.key] == ["job"]
    (fit,) = [run for run in runs if run.level == "fit" and run.parent == runs[0].key]
    losses = [value for _, _, value in fit.history["loss/LogisticRegression"]]
    assert losses == truth["loss"] and fit.params["LogisticRegression.maxIter"] == "3"
    assert not {"loss/LogisticRegression"} & {*runs[0].metrics, *runs[0].history} and fit.name == "LogisticRegression"
    assert not [run for run in runs if run.level == "job" and "annotation" in run.name]
    trial = next(run for run in runs if run.level == "trial" and run.params)
    assert set(trial.params) == {"LogisticRegression.regParam"} and "avg_areaUnderROC" in trial.metrics


@pytest.mark.spark
def test_the_tree_is_hung_under_the_job_s_own_runs(tmp_path: Path) -> None:
    store = new_sqlite(tmp_path / "mlflow.db")
    MlflowClient(store).create_experiment("training", artifact_location=f"file://{tmp_path}/artifacts")
    log, truth = run_job(tmp_path, "--mlflow", store)
    client = MlflowClient(store)
    before = client.get_run(truth["mlflow_run_id"])
    own = {r.info.run_id: r for r in client.search_runs([before.info.experiment_id], max_results=1000)}
    assert len(own) == 4
    (imported,) = import_logs([str(log)], store, "elsewhere")
    after = client.get_run(truth["mlflow_run_id"])
    assert (after.info.status, after.info.start_time, after.info.end_time) == (
        before.info.status,
        before.info.start_time,
        before.info.end_time,
    )
    runs = {r.info.run_id: r for r in client.search_runs([before.info.experiment_id], max_results=10_000)}
    root = runs[imported.published.run_id]
    assert root.data.tags["mlflow.parentRunId"] == truth["mlflow_run_id"]
    trials = [r for r in runs.values() if r.data.tags.get("afterglow.level") == "trial"]
    assert {r.info.run_id for r in trials} == set(own) - {truth["mlflow_run_id"]}
    for trial in trials:
        number = int(trial.data.tags["afterglow.trial"])
        assert trial.data.metrics["avg_areaUnderROC"] == truth["cv"]["avg"][number]
        assert float(trial.data.params["LogisticRegression.regParam"]) == truth["cv"]["reg"][number]
        assert (trial.info.start_time, trial.info.end_time) == (
            own[trial.info.run_id].info.start_time,
            own[trial.info.run_id].info.end_time,
        )
        below = [r for r in runs.values() if r.data.tags.get("mlflow.parentRunId") == trial.info.run_id]
        assert len(below) == 3 and {r.data.tags["afterglow.level"] for r in below} == {"fit"}
    keys = [r.data.tags[KEY_TAG] for r in runs.values() if KEY_TAG in r.data.tags]
    assert len(keys) == len(set(keys)) == imported.published.runs
