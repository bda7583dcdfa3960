"""`submit` and `hook` with real jobs: on a Spark standalone cluster, and beside it on this machine."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from typer.testing import CliRunner

from afterglow.ingest.cli import app
from tests.cluster import Cluster
from tests.ingest.publish.stores import new_sqlite

pytestmark = pytest.mark.spark

TRAIN = str(Path(__file__).parent / "train.py")
SMALL = ["--driver-memory", "512m"]
for setting in ("spark.ui.enabled=false", "spark.executor.memory=512m", "spark.locality.wait=0"):
    SMALL += ["--conf", setting]
LOCAL = ["--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.driver.bindAddress=127.0.0.1"]


@dataclass
class Place:
    """A folder with a tracking store, and the environment of a cluster's user."""

    folder: Path
    environment: dict[str, str]

    @property
    def store(self) -> str:
        return new_sqlite(self.folder / "mlflow.db")

    def submit(self, *words: str, **environment: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "afterglow.ingest.cli", "submit", "--tracking-uri", self.store, *words]
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env={
                **self.environment,
                "XDG_DATA_HOME": str(self.folder / "data"),
                "PYTHONWARNINGS": "ignore",
                **environment,
            },
        )

    def submitted(self, *words: str, **environment: str) -> tuple[int, str, str]:
        job = self.submit(*words, **environment)
        out, err = job.communicate(timeout=240)
        return job.returncode, out, err

    def runs(self, experiment: str = "spark-applications") -> list[Any]:
        client = MlflowClient(self.store)
        found = client.get_experiment_by_name(experiment)
        return list(client.search_runs([found.experiment_id], max_results=5000)) if found else []

    def hook(self, *words: str) -> Any:
        result = CliRunner().invoke(
            app, ["hook", "--tracking-uri", self.store, "--experiment", "hooked", "--json", *words]
        )
        assert result.exit_code in (0, 1), result.output
        return result


@pytest.fixture(scope="module")
def place(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Place:
    path = f"{cluster.environment['SPARK_HOME']}/bin{os.pathsep}{cluster.environment['PATH']}"
    return Place(tmp_path_factory.mktemp("on cluster"), {**cluster.environment, "PATH": path})


def levels(runs: list[Any]) -> Counter[str]:
    return Counter(run.data.tags["afterglow.level"] for run in runs)


def assert_search_is_exact(runs: list[Any], truth: dict[str, Any]) -> None:
    """One search of two trials and two folds, with the model's own metrics, and no job of it anywhere else."""
    by_id = {run.info.run_id: run for run in runs}

    def parent(run: Any) -> Any:
        return by_id[run.data.tags["mlflow.parentRunId"]]

    (tuning,) = [run for run in runs if run.data.tags["afterglow.level"] == "tuning"]
    assert parent(tuning).data.tags["afterglow.level"] == "application"
    trials = {int(run.data.tags["afterglow.trial"]): run for run in runs if run.data.tags["afterglow.level"] == "trial"}
    assert [trials[n].data.metrics["avg_areaUnderROC"] for n in (0, 1)] == truth["avg"]
    assert [trials[n].data.params for n in (0, 1)] == [
        {"LogisticRegression.regParam": "0.0"},
        {"LogisticRegression.regParam": "0.5"},
    ]
    fits = [run for run in runs if run.data.tags["afterglow.level"] == "fit"]
    (refit,) = [run for run in fits if parent(run) is tuning]
    fits.remove(refit)
    assert len(fits) == 4 and {parent(run).info.run_id for run in fits} == {run.info.run_id for run in trials.values()}
    for number, trial in trials.items():
        assert parent(trial) is tuning
        of_folds = [run.data.metrics["areaUnderROC"] for run in fits if parent(run) is trial]
        assert sum(of_folds) / 2 == pytest.approx(truth["avg"][number], abs=1e-12)
    assert all(any(parent(run) is fit for run in runs if "mlflow.parentRunId" in run.data.tags) for fit in fits)


@pytest.fixture(scope="module")
def client_mode(cluster: Cluster, place: Place) -> tuple[tuple[int, str, str], str, Path]:
    """A client-mode job on the cluster under submit --annotate; what it printed, and the folder of its log."""
    logs, printed = place.folder / "event logs", place.folder / "client"
    logs.mkdir()
    words = ["--annotate", "--log-dir", str(logs), "--", "spark-submit", "--master", cluster.master, *SMALL, *LOCAL]
    return place.submitted(*words, TRAIN, "exits", str(printed)), printed.read_text(), logs


def test_a_search_under_submit_is_exact_and_the_job_s_output_and_code_are_its_own(
    place: Place, client_mode: tuple[tuple[int, str, str], str, Path]
) -> None:
    (code, out, err), printed, _ = client_mode
    # spark-submit has one stream for both of Python's (org.apache.spark.deploy.PythonRunner: redirectErrorStream)
    assert (code, out) == (3, printed) and printed.splitlines()[1:] == ["a line of the job's errors", "PythonException"]
    assert "runs written" in err
    truth = json.loads(printed.splitlines()[0])
    runs = [run for run in place.runs() if run.data.tags["spark.app.id"] == truth["app"]]
    assert_search_is_exact(runs, truth)
    assert levels(runs)["task"] > 20 and any(run.info.status == "FAILED" for run in runs)


def test_hook_after_that_job_which_failed(place: Place, client_mode: tuple[tuple[int, str, str], str, Path]) -> None:
    _, printed, logs = client_mode
    truth = json.loads(printed.splitlines()[0])
    result = place.hook("--log-dir", str(logs), "--app-id", truth["app"], "--wait", "0", "--strict")
    row = json.loads(result.stdout)
    assert (result.exit_code, row["app_id"], row["completeness"]) == (0, truth["app"], "complete")
    hooked = [run for run in place.runs("hooked") if run.data.tags["spark.app.id"] == truth["app"]]
    submitted = [run for run in place.runs() if run.data.tags["spark.app.id"] == truth["app"]]
    assert levels(hooked) == levels(submitted)
    assert_search_is_exact(hooked, truth)


def test_a_driver_that_the_cluster_runs_elsewhere(cluster: Cluster, place: Place) -> None:
    """Cluster mode: spark-submit is over before the driver has begun, in a worker's own folder and environment.
    Standalone takes no Python driver there, so it is one of Spark's own programs, with nothing to do."""
    logs = place.folder / "shared"
    logs.mkdir()
    (jar,) = Path(cluster.environment["SPARK_HOME"], "jars").glob("spark-core_*.jar")
    job = ["--class", "org.apache.spark.ui.UIWorkloadGenerator", str(jar), cluster.master, "FIFO", "0"]
    words = ["--", "spark-submit", "--master", cluster.master, "--deploy-mode", "cluster", *SMALL, *job]
    code, out, err = place.submitted("--log-dir", str(logs), "--json", *words)
    (row,) = [json.loads(line) for line in err.splitlines() if line.startswith('{"log"')]
    assert (code, out, row["completeness"]) == (0, "", "complete") and "waiting for the job's event log" not in out
    assert json.loads(place.hook("--log-dir", str(logs), "--newest").stdout)["app_id"] == row["app_id"]


def test_a_driver_that_was_killed(cluster: Cluster, place: Place) -> None:
    logs, printed = place.folder / "killed", place.folder / "printed"
    logs.mkdir()
    words = ["spark-submit", "--master", "local[1]", *SMALL, *LOCAL, TRAIN, "killed", str(printed), str(logs)]
    began = time.monotonic()
    code, out, err = place.submitted("--wait", "1000", "--", *words)
    assert (code, out) == (128 + signal.SIGKILL, "100\n") and "its driver was killed" in err
    assert time.monotonic() - began < 600  # not waited for
    (root,) = [run for run in place.runs() if run.data.tags.get("mlflow.runName") == "train killed"]
    assert (root.info.status, root.data.tags["afterglow.completeness"]) == ("KILLED", "no_application_end")
    # a hook does not know the driver; it goes by how long nothing was written
    now = place.hook("--log-dir", str(logs), "--newest", "--wait", "0", "--strict")
    assert (now.exit_code, json.loads(now.stdout)["completeness"]) == (1, "in_progress")
    for file in logs.rglob("*"):
        os.utime(file, (time.time() - 90, time.time() - 90))
    copied = place.folder / "copied"
    shutil.copytree(logs, copied)
    later = place.hook("--log-dir", str(copied), "--newest", "--wait", "0", "--experiment", "later", "--strict")
    assert (later.exit_code, json.loads(later.stdout)["completeness"]) == (1, "no_application_end")


def test_python_ended_by_a_signal_with_a_log_of_its_own_and_a_sitecustomize(cluster: Cluster, place: Place) -> None:
    users, own, printed = place.folder / "users", place.folder / "own", place.folder / "python"
    users.mkdir()
    own.mkdir()
    (users / "sitecustomize.py").write_text("import os\nos.environ['PYSPARK_SUBMIT_ARGS'] = '--name x pyspark-shell'\n")
    words = ["--annotate", "--", sys.executable, TRAIN, "waits", str(printed), str(own)]
    job = place.submit(*words, PYTHONPATH=str(users))
    assert job.stdout is not None
    first = job.stdout.readline()
    until = time.monotonic() + 60
    while printed.read_text().count("\n") < 2 and time.monotonic() < until:
        time.sleep(0.05)
    job.send_signal(signal.SIGTERM)
    out, err = job.communicate(timeout=120)
    assert (job.returncode, first + out, out) == (128 + signal.SIGTERM, printed.read_text().splitlines(True)[0], "")
    assert err.count("a line of the job's errors\n") == 1
    truth = json.loads(first)
    assert len(list(own.iterdir())) == 1, err
    assert_search_is_exact([run for run in place.runs() if run.data.tags["spark.app.id"] == truth["app"]], truth)
