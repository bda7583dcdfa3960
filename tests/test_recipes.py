"""docs/recipes.md: what it says is tested runs here as it stands, with Spark played."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from tests.conftest import sample_log
from tests.ingest.jobs.test_submit import SPARK_SUBMIT
from tests.ingest.publish.stores import new_sqlite

TEXT = (Path(__file__).parent.parent / "docs" / "recipes.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"```\w*\n# recipe: (\w+)\n(.*?)```", TEXT, re.DOTALL))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with `afterglow` and a played `spark-submit` on its PATH, a folder of logs, and a tracking store."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "spark-submit").write_text(SPARK_SUBMIT.replace('"--conf"', '"--conf"').replace("words = sys.argv[1:]",
        f"words = [{str(sample_log('failing-tasks'))!r} if word == 'train.py' else word for word in sys.argv[1:]]\n"
        "words = [word for word in words if word not in ('--name', 'nightly')]"))  # fmt: skip
    (programs / "afterglow").write_text(f'#!/bin/sh\nexec {sys.executable} -m afterglow.ingest.cli "$@"\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", new_sqlite(tmp_path / "mlflow.db"))
    monkeypatch.setenv("SPARK_LOGS", str(tmp_path / "logs"))
    (tmp_path / "logs").mkdir()
    return tmp_path


def imported(machine: Path) -> set[str]:
    client = MlflowClient(new_sqlite(machine / "mlflow.db"))
    found = client.get_experiment_by_name("spark-applications")
    runs = client.search_runs([found.experiment_id], "tags.`afterglow.level` = 'application'") if found else []
    return {run.info.run_name for run in runs}


def shell(text: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["/bin/sh", "-c", text], capture_output=True, text=True, timeout=120, env={**os.environ, **environment}
    )


def test_every_recipe_here_is_one_of_these() -> None:
    assert set(RECIPES) == {"submit", "hook", "cron", "airflow"}
    blocks = re.findall(r"```(\w*)\n(# [^\n]*|[^\n]*)", TEXT)
    assert [
        first
        for kind, first in blocks
        if kind in ("sh", "yaml") and "recipe:" not in first and "not tried" not in first
    ] == []


def test_submit(machine: Path) -> None:
    ran = shell(RECIPES["submit"], PLAYED_EXIT="6")
    assert (ran.returncode, ran.stdout) == (6, "the job's own line\n") and imported(machine) == {"Spark shell"}


def test_hook(machine: Path) -> None:
    named = sample_log("failing-tasks").read_text().replace('"App Name":"Spark shell"', '"App Name":"nightly"')
    (machine / "logs" / "local-1").write_text(named)
    shutil.copy(sample_log("skewed-join"), machine / "logs")
    ran = shell(RECIPES["hook"], PLAYED_EXIT="6")
    assert ran.returncode == 6 and imported(machine) == {"nightly"}


def test_cron(machine: Path) -> None:
    shutil.copy(sample_log("failing-tasks"), machine / "logs")
    line = RECIPES["cron"].strip()
    assert re.match(r"\S+ \S+ \S+ \S+ \S+ MLFLOW", line) and "%" not in line  # cron ends a command at a %
    command = line.split(" ", 5)[5]
    for written, here in (
        ("http://mlflow:5000", new_sqlite(machine / "mlflow.db")),
        ("/tmp/afterglow.lock", f"{machine}/lock"),
        ("/opt/afterglow/bin", f"{machine}/bin"),
        ("hdfs:///spark-logs", f"{machine}/logs"),
    ):
        assert written in command
        command = command.replace(written, shlex.quote(here))
    for _ in range(2):
        ran = subprocess.run(
            ["/bin/sh", "-c", command],
            capture_output=True,
            text=True,
            timeout=120,
            env={"PATH": "/usr/bin:/bin", "HOME": str(machine), "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
        )
        assert (ran.returncode, ran.stdout) == (0, ""), ran.stderr
    assert imported(machine) == {"Spark shell"}


def test_airflow(machine: Path) -> None:
    names: dict[str, Any] = {}
    exec(RECIPES["airflow"].replace("s3://company-spark-logs", str(machine / "logs")), names)
    text = sample_log("failing-tasks").read_text()
    for number, name in enumerate(("nightly__train__20260101", "nightly__train__20260102")):
        (machine / "logs" / f"local-{number}").write_text(
            text.replace('"App Name":"Spark shell"', f'"App Name":"{name}"')
        )
        time.sleep(0.05)
    names["import_spark_log"]({"task_instance_key_str": "nightly__train__20260101"})
    assert imported(machine) == {"nightly__train__20260101"}


def test_a_container_that_is_told_to_stop_still_imports(machine: Path) -> None:
    job = [str(machine / "bin" / "afterglow"), "submit", "--log-dir", str(machine / "logs"), "--"]
    job += ["spark-submit", str(sample_log("failing-tasks"))]
    container = subprocess.Popen(job, stderr=subprocess.PIPE, text=True, env={**os.environ, "PLAYED_S": "60"})
    until = time.monotonic() + 60
    while not any(log.stat().st_size > 100_000 for log in (machine / "logs").iterdir()) and time.monotonic() < until:
        time.sleep(0.1)
    container.terminate()
    _, said = container.communicate(timeout=60)
    assert container.returncode == 143 and imported(machine) == {"Spark shell"}, said
