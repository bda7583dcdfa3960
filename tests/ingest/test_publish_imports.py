"""Trees that are published at once, without a store."""

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from afterglow.ingest import publish_imports
from afterglow.ingest.errors import PublishError


class Publishing:
    """Notes which logs are published, in place of a store. A log is `<application>.<number>`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, trees_at_once: int = 3) -> None:
        self.events: list[str] = []
        self.stopped = threading.Event()
        self.first = threading.Event()  # the first application waits for this
        store = SimpleNamespace(policy=SimpleNamespace(stopped=self.stopped))
        self.writer: Any = SimpleNamespace(store=store, trees_at_once=trees_at_once)
        monkeypatch.setattr(publish_imports, "_publish", self._publish)

    def _publish(self, log: str, *_: object) -> str:
        if log.startswith("a.") and not self.first.wait(10):
            raise PublishError("nothing else was published in the meantime")
        if log.startswith("refused"):
            raise PublishError(log)
        self.events.append(log)
        if log.startswith("c."):
            self.first.set()
        return log

    def start(self, *logs: str) -> Iterator[Any]:
        waiting: Any = [_Waiting(log) for log in logs]
        return publish_imports._publish_at_once(waiting, None, None, self.writer)  # type: ignore[arg-type]


class _Waiting(SimpleNamespace):
    def __init__(self, log: str) -> None:
        super().__init__(prepared=_Prepared(log), started=0.0)


class _Prepared(str):
    @property
    def application(self) -> dict[str, str]:
        return {"app_id": self.split(".")[0]}


def test_several_are_published_at_once_and_results_are_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    publishing = Publishing(monkeypatch)
    *found, refused = publishing.start("a.1", "b.1", "c.1", "refused.1")
    assert found == ["a.1", "b.1", "c.1"] and publishing.events.index("a.1") == 2
    assert isinstance(refused, PublishError)


def test_logs_of_one_application_are_published_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    publishing = Publishing(monkeypatch)
    logs = ["a.1", "a.2", "b.1", "a.3", "b.2", "c.1"]
    assert list(publishing.start(*logs)) == logs
    for app_id in "ab":
        own = [log for log in publishing.events if log.startswith(app_id)]
        assert own == sorted(own)


def test_a_writer_of_one_tree_at_a_time_gets_no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    publishing = Publishing(monkeypatch, trees_at_once=1)
    results = publishing.start("b.1", "c.1")
    assert next(results) == "b.1" and publishing.events == ["b.1"]


def test_closing_stops_what_is_under_way_and_begins_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    publishing, noted, begun = Publishing(monkeypatch, trees_at_once=2), [], threading.Event()

    def waits(log: str, *_: object) -> str:
        if log == "b.1":
            return log
        begun.set()
        noted.append((log, publishing.stopped.wait(10)))
        raise PublishError("stopped")

    monkeypatch.setattr(publish_imports, "_publish", waits)
    results: Any = publishing.start("b.1", "a.1", "c.1", "d.1", "e.1")
    assert next(results) == "b.1" and begun.wait(10)
    results.close()
    assert ("a.1", True) in noted and set(noted) <= {("a.1", True), ("c.1", True)}
    assert not publishing.stopped.is_set()
