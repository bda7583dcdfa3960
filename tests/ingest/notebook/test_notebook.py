"""The report and the import of a session whose log is still being written."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

import afterglow
from afterglow.ingest.notebook import SessionLogError
from tests.conftest import sample_log
from tests.ingest.notebook.sessions import connect, running, settings
from tests.ingest.publish.stores import new_sqlite


def test_the_report_is_a_page_in_a_frame(tmp_path: Path) -> None:
    report = afterglow.report(connect(settings(tmp_path, running("tvs-forest", tmp_path))), height=500)
    assert report.title == "forest-search" and 'id="trials"' in report.page and 'id="findings"' in report.page
    shown = report._repr_html_()
    assert shown.startswith('<iframe sandbox="allow-scripts allow-popups"') and 'height="500"' in shown
    assert shown.count("<") == 2 and "&lt;!DOCTYPE html&gt;" in shown  # the page cannot end its frame
    assert "report.html" in repr(report)
    assert Path(report.save(str(tmp_path / "out" / "report.html"))).read_text(encoding="utf-8") == report.page


def test_the_last_search_or_fit(tmp_path: Path) -> None:
    session = connect(settings(tmp_path, running("tvs-forest", tmp_path)))
    last = afterglow.report(session, last=1)
    assert last.title == "forest-search: last search" and 'id="trials"' in last.page
    with pytest.raises(ValueError, match="last=0"):
        afterglow.report(session, last=0)


def test_a_session_that_trained_nothing_has_no_last_fit(tmp_path: Path) -> None:
    session = connect(settings(tmp_path, running("skewed-join", tmp_path)))
    with pytest.raises(SessionLogError, match="no search and no fit yet; leave out `last`"):
        afterglow.report(session, last=1)


def test_an_import_is_brought_up_to_date(tmp_path: Path) -> None:
    log, written = sample_log("failing-tasks"), tmp_path / "logs"
    app_id = running("failing-tasks", written)
    store, session = new_sqlite(tmp_path / "mlflow.db"), connect(settings(written, app_id))
    lines = log.read_bytes().splitlines(keepends=True)
    (written / f"{app_id}.inprogress").write_bytes(b"".join(lines[: len(lines) // 2]))

    def statuses() -> list[str]:
        client = MlflowClient(store)
        experiment = client.get_experiment_by_name("notebook")
        assert experiment is not None
        roots = client.search_runs([experiment.experiment_id], "tags.`afterglow.level` = 'application'")
        return [run.info.status for run in roots]

    first = afterglow.import_session(session, store, "notebook")
    assert statuses() == ["RUNNING"] and f"{app_id}: " in repr(first) and " runs written" in repr(first)
    assert repr(afterglow.import_session(session, store, "notebook")).startswith(f"{app_id}: up to date\n")
    (written / f"{app_id}.inprogress").unlink()
    (written / app_id).write_bytes(log.read_bytes())
    again = afterglow.import_session(session, store, "notebook")
    assert statuses() == ["FINISHED"] and again.imported.published.runs > first.imported.published.runs
    assert f'<a href="{again.url}' in again._repr_html_().replace("&amp;", "&")
    assert "mlflow server" in again._repr_html_() and "mlflow server" in repr(again)
