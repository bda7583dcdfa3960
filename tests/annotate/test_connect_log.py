"""Properties and events of a Spark Connect client: tags of its operations, without a server."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from afterglow.annotate import connect_log, event_queue, job_properties
from afterglow.annotate import monkeypatch as pyspark_patches
from afterglow.schemas.annotations import (
    CONNECT_QUERY,
    EVENT,
    FOLD,
    PHASE,
    TRIAL,
    TUNING,
    read_events,
    text_of_tag,
    to_tag,
)


class Client:
    """Duck type of SparkConnectClient: makes requests, which have the thread's tags."""

    def __init__(self) -> None:
        self.thread = threading.local()

    def get_tags(self) -> set[str]:
        return self.thread.__dict__.setdefault("tags", set())

    def _execute_plan_request_with_metadata(self, operation_id: str | None = None) -> Any:
        return SimpleNamespace(operation_id=operation_id, tags=sorted(self.get_tags()))


class SparkSession:
    """Duck type of pyspark.sql.connect.session.SparkSession."""

    _default_session: Any = None

    def __init__(self) -> None:
        self.client, self.is_stopped = Client(), False
        self.requests: list[Any] = []

    @classmethod
    def getActiveSession(cls) -> Any:
        return None

    def getTags(self) -> set[str]:
        return self.client.get_tags()

    def addTag(self, tag: str) -> None:
        assert tag and "," not in tag
        self.getTags().add(tag)

    def removeTag(self, tag: str) -> None:
        self.getTags().discard(tag)

    def sql(self, query: str) -> None:
        request = self.client._execute_plan_request_with_metadata()
        self.requests.append((query, request.tags))

    def stop(self) -> None:
        self.is_stopped = True


SparkSession.__module__ = "pyspark.sql.connect.session"


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[SparkSession]:
    """A session whose operations take pending events, as after autolog()."""
    module: Any = SimpleNamespace(SparkSession=SparkSession, SparkConnectClient=Client)
    monkeypatch.setitem(sys.modules, "pyspark.sql.connect.session", module)
    monkeypatch.setattr(event_queue, "_pending", [])
    monkeypatch.setattr(event_queue, "wake_writer", lambda: None)
    monkeypatch.setattr(event_queue, "collectors", [])
    opened = SparkSession()
    monkeypatch.setattr(SparkSession, "_default_session", opened)
    replaced: list[Any] = []
    monkeypatch.setattr(pyspark_patches, "_replaced_stop", replaced)
    pyspark_patches._patch_connect(module)
    yield opened
    pyspark_patches.restore()


def events_of(tags: list[str]) -> list[dict[str, Any]]:
    return list(read_events(text for tag in tags if (text := text_of_tag(tag)) is not None))


@pytest.mark.parametrize("text", ['{"a":[1,2],"b":"50 %, or %2C"}', "%25", "", "a,b"])
def test_a_tag_holds_any_text_without_commas(text: str) -> None:
    assert "," not in to_tag(text) and text_of_tag(to_tag(text)) == text
    assert text_of_tag("afterglow.trial=3") is None and text_of_tag("mine") is None


def test_the_next_operation_takes_pending_events_and_the_user_s_tags_stay(session: SparkSession) -> None:
    session.addTag("mine")
    event_queue.add("fit_end", urgent=True, id="a", metric=0.1)
    event_queue.add("fit_end", id="b", metric=0.2)
    request = session.client._execute_plan_request_with_metadata("op-1")
    assert request.operation_id == "op-1" and session.getTags() == {"mine"}
    assert [(event["id"], event["metric"]) for event in events_of(request.tags)] == [("a", 0.1), ("b", 0.2)]
    assert [tag for tag in request.tags if not tag.startswith(EVENT)] == ["mine"]
    assert session.client._execute_plan_request_with_metadata().tags == ["mine"]
    assert session.requests == []


def test_an_operation_takes_few_characters_and_a_query_the_rest_in_order(session: SparkSession) -> None:
    for number in range(30):
        event_queue.add("fit_end", id=f"f-{number}", error="x" * 200)
    taken = [session.client._execute_plan_request_with_metadata().tags for _ in range(2)]
    assert all(1_000 < sum(map(len, tags)) < connect_log.MAX_CARRIED + 500 for tags in taken)
    event_queue.add("tuning_start", id="s", param_maps=[{"p": "y" * 3_000}])
    event_queue.flush()
    assert session.client._execute_plan_request_with_metadata().tags == []
    ((query, tags),) = session.requests
    assert query == CONNECT_QUERY and session.getTags() == set()
    found = events_of([*taken[0], *taken[1], *tags])
    assert [event["id"] for event in found] == [*(f"f-{number}" for number in range(30)), "s"]


def test_what_is_longer_than_an_operation_takes_waits_for_the_query(session: SparkSession) -> None:
    event_queue.add("tuning_start", id="s", param_maps=[{"p": "y" * 3_000}])
    event_queue.add("fit_end", id="f")
    assert session.client._execute_plan_request_with_metadata().tags == []
    event_queue.flush()
    assert [event["id"] for event in events_of(session.requests[0][1])] == ["s", "f"]


def test_an_operation_of_a_finalizer_does_not_wait_for_its_own_thread(session: SparkSession) -> None:
    event_queue.add("fit_end", id="f")
    with event_queue._lock:
        assert session.client._execute_plan_request_with_metadata().tags == []
    assert len(session.client._execute_plan_request_with_metadata().tags) == 1


def test_the_stop_of_a_session_writes_what_is_left(session: SparkSession) -> None:
    event_queue.add("fit_end", id="f")
    session.stop()
    session.stop()
    assert [event["id"] for event in events_of(session.requests[0][1])] == ["f"]
    assert session.is_stopped and len(session.requests) == 1


def test_failures_do_not_reach_operations_or_the_stop(
    session: SparkSession, monkeypatch: pytest.MonkeyPatch, caught: list[warnings.WarningMessage]
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("ours")

    event_queue.add("fit_end", id="f")
    monkeypatch.setattr(event_queue, "_encoded", fail)
    assert session.client._execute_plan_request_with_metadata("op").tags == []
    event_queue.add("fit_end", id="g")
    session.stop()
    assert session.is_stopped and session.requests == []
    assert len(caught) == 1 and "the job itself is not affected" in str(caught[0].message)


def test_an_exit_that_ends_the_client_s_threads_is_no_failure(
    session: SparkSession, monkeypatch: pytest.MonkeyPatch, caught: list[warnings.WarningMessage]
) -> None:
    def answer(message: str) -> Any:
        def sql(query: str) -> None:
            raise RuntimeError(message)

        return sql

    monkeypatch.setattr(session, "sql", answer("cannot schedule new futures after interpreter shutdown"))
    event_queue.add("fit_end", id="f")
    pyspark_patches._write_at_exit()
    assert caught == [] and session.getTags() == set()
    monkeypatch.setattr(session, "sql", answer("other"))
    event_queue.add("fit_end", id="f")
    pyspark_patches._write_at_exit()
    assert len(caught) == 1 and session.getTags() == set()


def test_an_exit_that_starts_no_thread_writes_what_is_left(
    session: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    event_queue.add("fit_end", id="f")
    monkeypatch.setattr(threading.Thread, "start", start)
    pyspark_patches._write_at_exit()
    assert [event["id"] for event in events_of(session.requests[0][1])] == ["f"]


def test_a_server_that_does_not_answer_delays_the_stop_by_a_bounded_time(
    session: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    monkeypatch.setattr(session, "sql", lambda query: answered.wait())
    monkeypatch.setattr(pyspark_patches, "LAST_WRITE_S", 0.01)
    event_queue.add("fit_end", id="f")
    session.stop()
    assert session.is_stopped
    answered.set()


def test_a_trial_s_tags_replace_those_that_its_thread_inherited(session: SparkSession) -> None:
    for tag in ("mine", "afterglow.phase=prepare", "afterglow.run=r"):
        session.addTag(tag)
    before = set(session.getTags())
    make = job_properties.setter(session, {TUNING: "cv,1", FOLD: "0", PHASE: "fit", "absent": None})
    assert make is not None and session.getTags() == before
    for trial in range(2):
        tags = make()
        tags.set(TRIAL, str(trial))
        tags.set(PHASE, "evaluate")
        around = {"mine", "afterglow.run=r"}
        place = {"afterglow.tuning=cv;1", "afterglow.fold=0", "afterglow.phase=evaluate", f"afterglow.trial={trial}"}
        assert session.getTags() == around | place
        tags.restore()
        assert session.getTags() == before


def test_another_thread_changes_the_tags_of_the_thread_that_set_them(session: SparkSession) -> None:
    tags = job_properties.set_in_thread({PHASE: "prepare"})
    assert tags is not None
    other = threading.Thread(target=tags.set, args=(PHASE, "refit"))
    other.start()
    other.join()
    assert session.getTags() == {"afterglow.phase=refit"}
    session.client.thread.tags = {"mine"}  # clearTags
    tags.set(PHASE, "fit")
    assert session.getTags() == {"mine", "afterglow.phase=fit"}
    tags.restore()
    assert session.getTags() == {"mine"}


def test_a_stopped_session_is_not_written_to(session: SparkSession) -> None:
    session.is_stopped = True
    assert connect_log.current() is None
    event_queue.add("fit_end", id="f")
    event_queue.flush()
    assert session.requests == []
