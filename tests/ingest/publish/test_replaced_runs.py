"""What a log that grew shows otherwise than before: fits that turn out to be the trials of a loop."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from afterglow.ingest.publish import open_writer
from afterglow.ingest.publish.publish import Import, publish
from afterglow.schemas.runs.tree import Run, RunTree

from .stores import new_sqlite

ROOT = "app-1/1/" + "0" * 32
APPLICATION = {"spark.app.id": "app-1"}


def run(level: str, key: str, parent: str | None, end: int | None = 9) -> Run:
    status = "RUNNING" if end is None else "FINISHED"
    tags = {"afterglow.level": level, "afterglow.key": key, **APPLICATION}
    return Run(level, key, parent, level, status, 1, end, {}, {}, tags)


EARLY = [
    run("application", ROOT, None, None),
    run("fit", f"{ROOT}/fit/LR", ROOT),
    run("job", f"{ROOT}/job/0", f"{ROOT}/fit/LR"),
]
TUNING, TRIAL = f"{ROOT}/tuning/loop_1", f"{ROOT}/tuning/loop_1/trial/0"
LATE = [
    run("application", ROOT, None),
    run("tuning", TUNING, ROOT),
    run("trial", TRIAL, TUNING),
    run("job", f"{ROOT}/job/0", TRIAL),
]


@pytest.mark.parametrize("writer", ["sql", "rest"])
def test_a_fit_that_becomes_a_trial_is_not_shown_twice(tmp_path: Path, writer: str) -> None:
    into = open_writer(new_sqlite(tmp_path / "m.db"), "growing", writer)
    first = publish(Import(RunTree(EARLY), "one", "0", lambda issues, folder: None), into)
    before = {one.data.tags["afterglow.key"]: one.info.run_id for one in into.store.search("")}
    second = publish(Import(RunTree(LATE), "two", "0", lambda issues, folder: None), into)
    after = {one.data.tags["afterglow.key"]: one for one in into.store.search("")}
    assert second.run_id == first.run_id and after.keys() == {one.key for one in LATE}
    job = after[f"{ROOT}/job/0"]
    assert job.info.run_id == before[job.data.tags["afterglow.key"]]
    assert job.data.tags["mlflow.parentRunId"] == after[TRIAL].info.run_id
    again = publish(Import(RunTree(LATE), "two", "0", lambda issues, folder: None), into)
    assert again.state == "unchanged"


@pytest.mark.parametrize("writer", ["sql", "rest"])
def test_a_run_that_the_job_created_is_never_removed(tmp_path: Path, writer: str) -> None:
    into = open_writer(new_sqlite(tmp_path / "m.db"), "adopted", writer)
    client = MlflowClient(into.store.tracking_uri)
    tags = {"afterglow.key": f"{ROOT}/fit/LR", "afterglow.level": "fit", "afterglow.adopted": "true", **APPLICATION}
    own = client.create_run(into.store.experiment_id, 1, tags).info.run_id
    publish(Import(RunTree(LATE), "two", "0", lambda issues, folder: None), into)
    assert client.get_run(own).info.lifecycle_stage == "active"
