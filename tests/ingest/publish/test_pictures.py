"""Pictures are artifacts of the runs they show, whichever writer writes; importing again writes none."""

import os
import re
from pathlib import Path

import pytest
from mlflow import MlflowClient

from afterglow.ingest import import_logs
from afterglow.schemas.runs.params_tags import KEY_TAG
from tests.conftest import sample_log

from .stores import new_sqlite

SKEWED = str(sample_log("skewed-join"))
_RUN = rb'data-run="[^"]*"'


def _drawn(uri: str, run_id: str) -> tuple[MlflowClient, dict[str, dict[str, Path]]]:
    client = MlflowClient(uri)
    root = client.get_run(run_id)
    runs = client.search_runs([root.info.experiment_id], "", max_results=1000)
    found = {}
    for run in runs:
        folder = Path(run.info.artifact_uri.removeprefix("file://"))
        files = [path for path in folder.glob("*") if path.suffix in (".html", ".svg")]
        if files:
            found[run.data.tags[KEY_TAG]] = {path.name: path for path in files}
    return client, found


@pytest.mark.parametrize("writer", ["sql", "rest"])
def test_both_writers_upload_the_same_and_link_to_it(writer: str, tmp_path: Path) -> None:
    uri = new_sqlite(tmp_path / f"{writer}.db")
    (imported,) = import_logs([SKEWED], uri, writer=writer, task_runs="none")
    client, found = _drawn(uri, imported.published.run_id)
    root = client.get_run(imported.published.run_id).data.tags[KEY_TAG]
    assert {key: set(files) for key, files in found.items()} == {
        root: {"report.html"},
        f"{root}/stage/8.0": {"tasks.svg"},
    }
    from afterglow.ingest import report as pictures
    from afterglow.ingest.find_logs import find_logs
    from afterglow.ingest.pipeline import derive_tree, read_view

    (log,) = find_logs([SKEWED])
    app = read_view(log)
    for key, files in pictures.draw(derive_tree(app, "none"), app).files.items():
        for name, content in files.items():
            uploaded = found[key][name].read_bytes()
            assert not re.search(rb'data-run="(?!http)', uploaded)  # addresses instead of the runs' keys
            assert re.sub(_RUN, b"", uploaded) == re.sub(_RUN, b"", content)
    note = client.get_run(imported.published.run_id).data.tags["mlflow.note.content"]
    link = f"#/experiments/{imported.published.experiment_id}/runs/{imported.published.run_id}/artifacts/report.html"
    assert f"[Report with pictures]({link}" in note.splitlines()[0]
    times = {path: os.stat(path).st_mtime_ns for files in found.values() for path in files.values()}
    (again,) = import_logs([SKEWED], uri, writer=writer, task_runs="none")
    assert again.published.state == "unchanged"
    assert {path: os.stat(path).st_mtime_ns for path in times} == times


def test_none_draws_none(tmp_path: Path) -> None:
    uri = new_sqlite(tmp_path / "mlflow.db")
    (imported,) = import_logs([SKEWED], uri, task_runs="none", report="none")
    assert _drawn(uri, imported.published.run_id)[1] == {}
