"""The annotations of a log, in the order in which they were written."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from ...schemas import annotations
from ...schemas.issues import ImportIssue
from .group_models import read_models
from .state import Row


@dataclass(frozen=True, slots=True)
class JobAnnotations:
    """`events` as declared in schemas.annotations; those of a Spark Connect client also have its `session`.
    `search_names`: id of an annotated call of fit -> its tuning_uid, which is the uid of the search, with .2, .3 for
    its later calls. `fits`: the calls outside searches by id. `model_stages`: the stages whose tasks recorded models.
    """

    events: tuple[Row, ...]
    search_names: Mapping[str, str]
    fits: Mapping[str, annotations.AnnotatedFit]
    model_stages: frozenset[int] = frozenset()
    issues: tuple[ImportIssue, ...] = ()


def read_annotations(job_properties: pa.Table, operations: pa.Table) -> JobAnnotations:
    """Every annotation of the log: in properties of jobs, and in tags of the operations of Spark Connect."""
    envelopes: list[Row] = []
    sessions: dict[str, str] = {}
    unreadable = 0
    for text, session in (*_texts_of_jobs(job_properties), *_texts_of_operations(operations)):
        envelope = annotations.parse_event(text)
        if envelope is None:
            unreadable += 1
            continue
        envelopes.append(envelope)
        if session is not None:
            sessions.setdefault(envelope["writer"], session)
    events = tuple(
        {**event, "session": sessions[event["writer"]]} if event["writer"] in sessions else event
        for event in annotations.join_events(envelopes)
    )
    fits = {
        event["id"]: annotations.AnnotatedFit(event.get("estimator"), event.get("uid"))
        for event in events
        if event["event"] == "estimator_start" and "id" in event
    }
    stages = {model["stage_id"] for event in events if event["event"] == "models" for model in read_models(event)}
    message = f"{unreadable:,} annotations have an unknown format; they are left out"
    issues = (ImportIssue("annotation_unreadable", message, count=unreadable),) if unreadable else ()
    return JobAnnotations(events, _search_names(events), fits, frozenset(stages), issues)


def _texts_of_jobs(job_properties: pa.Table) -> Iterator[tuple[str, str | None]]:
    for row in job_properties.to_pylist():
        if row["key"] == annotations.EVENT and row["value"]:
            yield row["value"], None


def _texts_of_operations(operations: pa.Table) -> Iterator[tuple[str, str | None]]:
    for row in operations.select(["session_id", "session_tags"]).to_pylist():
        for tag in row["session_tags"] or ():
            text = annotations.text_of_tag(tag or "")
            if text is not None:
                yield text, row["session_id"]


def _search_names(events: Iterable[Row]) -> dict[str, str]:
    names: dict[str, str] = {}
    seen: dict[str, int] = {}
    for event in events:
        if event["event"] == "tuning_start" and {"id", "uid"} <= event.keys() and event["id"] not in names:
            seen[event["uid"]] = seen.get(event["uid"], 0) + 1
            number = seen[event["uid"]]
            names[event["id"]] = event["uid"] if number == 1 else f"{event['uid']}.{number}"
    return names
