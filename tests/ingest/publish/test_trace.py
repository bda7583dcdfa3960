"""The application as a trace: once, whole, linked to its run, gone with it. Through a database and a server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from afterglow.ingest import PublishError, import_logs
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import derive_tree, read_view
from afterglow.ingest.publish.mlflow_internals import tracing_client
from afterglow.ingest.publish.trace import trace
from afterglow.ingest.publish.trace.spans import spans_of
from afterglow.ingest.status import list_imported, remove_application
from afterglow.schemas.runs.params_tags import TRACE_TAG
from tests.conftest import sample_log

from . import stores
from .fake_server import address, answering

SEARCH = str(sample_log("cv-pipeline"))


@pytest.fixture(scope="module", params=["sqlite", pytest.param("server", marks=pytest.mark.server)])
def uri(request: pytest.FixtureRequest) -> Iterator[str]:
    with stores.sqlite() as database:
        if request.param == "sqlite":
            yield database
        else:
            with stores.server(database) as address:
                yield address


def _traces(uri: str, published: Any) -> list[Any]:
    client = MlflowClient(uri)
    found: list[Any] = client.search_traces(locations=[published.experiment_id], run_id=published.run_id)
    return found


@pytest.mark.traces
def test_a_trace_holds_the_tree_with_true_times_once(uri: str, tmp_path: Path) -> None:
    (imported,) = import_logs([SEARCH], uri, "traced", task_runs="none", trace=True)
    (trace,) = _traces(uri, imported.published)
    tree = derive_tree(read_view(next(iter(find_logs([SEARCH])))), "none")
    spans = {span.name: span for span in trace.data.spans}
    assert len(trace.data.spans) == len(tree.runs)
    by_id = {span.span_id: span for span in trace.data.spans}
    names = {run.key: run.name for run in tree.runs}
    for run in tree.runs:
        if run.level in ("application", "tuning", "job", "stage"):
            span = spans[run.name]
            assert (span.start_time_ns, span.end_time_ns) == (run.start_ms * 10**6, (run.end_ms or 0) * 10**6)
            assert span.span_type == run.level.upper()
            above = by_id[span.parent_id].name if span.parent_id else None
            assert above == (names[run.parent] if run.parent else None)
            assert span.outputs.get("tasks/total", 0) == run.metrics["tasks/total"]
    (again,) = import_logs([SEARCH], uri, "traced", task_runs="none", trace=True)
    assert again.published.state == "unchanged"
    assert [one.info.trace_id for one in _traces(uri, imported.published)] == [trace.info.trace_id]


@pytest.mark.traces
def test_one_that_was_written_half_is_written_whole_and_goes_with_the_runs(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.tracing.client import TracingClient

    from afterglow.ingest.publish.trace import trace as module

    monkeypatch.setattr(module, "_SPANS_AT_ONCE", 30)
    written, real = [], TracingClient.log_spans

    def breaks(self: Any, location: str, spans: Any) -> Any:
        written.append(len(spans))
        if len(written) == 2:
            raise KeyboardInterrupt("the process ends here")
        return real(self, location, spans)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt, match="the process ends here"):
        patched.setattr(TracingClient, "log_spans", breaks)
        import_logs([SEARCH], uri, "half", task_runs="none", trace=True)
    (imported,) = import_logs([SEARCH], uri, "half", task_runs="none", trace=True)
    assert imported.published.state == "unchanged"  # the runs stood
    (trace,) = _traces(uri, imported.published)
    assert len(trace.data.spans) > 60
    client = MlflowClient(uri)
    trace_id, _ = client.get_run(imported.published.run_id).data.tags[TRACE_TAG].split()
    assert trace_id == trace.info.trace_id
    (row,) = list_imported([], uri, "half")
    remove_application(row, uri, "half")
    assert _traces(uri, imported.published) == []


def test_of_too_many_runs_the_shortest_are_left_out_and_counted() -> None:
    tree = derive_tree(read_view(next(iter(find_logs([SEARCH])))), "none")
    spans = spans_of(tree, 40)
    assert len(spans) == 40
    ids = {span.id for span in spans}
    assert all(span.parent is None or span.parent in ids for span in spans)
    left = sum(n for span in spans for name, n in span.outputs.items() if name.startswith("left out"))
    assert left == len(tree.runs) - 40
    kept_jobs = [s.end_ms - s.start_ms for s in spans if s.kind == "JOB"]
    jobs = sorted((run.end_ms - run.start_ms for run in tree.runs if run.level == "job" and run.end_ms), reverse=True)
    assert kept_jobs and max(kept_jobs) == jobs[0]
    assert {span.kind for span in spans} >= {"APPLICATION", "TUNING", "TRIAL", "FIT", "JOB", "STAGE"}


@pytest.mark.traces
def test_a_server_without_traces_is_one_line() -> None:
    with answering(404, "<!doctype html><title>404 Not Found</title>") as server:
        tracing = tracing_client(MlflowClient(address(server)))
        with pytest.raises(PublishError, match=r"^the server takes no traces.*import without --trace$"):
            trace._exists(tracing, "tr-1")
    missing = '{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Trace tr-1 not found"}'
    with answering(404, missing) as server:
        assert trace._exists(tracing_client(MlflowClient(address(server))), "tr-1") is False
