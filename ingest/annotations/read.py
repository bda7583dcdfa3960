"""The job properties of a log -> the annotations in them, in the order in which they were written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from ...schemas import annotations
from .group_models import read_models
from .state import Row


@dataclass(frozen=True, slots=True)
class JobAnnotations:
    """`events` as declared in schemas.annotations. `search_names`: id of an annotated call of fit -> its tuning_uid,
    which is the uid of the search, with .2, .3 for its later calls. `fits`: the calls outside searches by id.
    `model_stages`: the stages whose tasks recorded models."""

    events: tuple[Row, ...]
    search_names: Mapping[str, str]
    fits: Mapping[str, annotations.AnnotatedFit]
    model_stages: frozenset[int] = frozenset()


def read_annotations(job_properties: pa.Table) -> JobAnnotations:
    """Every annotation of the log; without events where the job wrote none."""
    texts = (row["value"] for row in job_properties.to_pylist() if row["key"] == annotations.EVENT and row["value"])
    events = tuple(annotations.read_events(texts))
    fits = {
        event["id"]: annotations.AnnotatedFit(event.get("estimator"), event.get("uid"))
        for event in events
        if event["event"] == "estimator_start" and "id" in event
    }
    stages = {model["stage_id"] for event in events if event["event"] == "models" for model in read_models(event)}
    return JobAnnotations(events, _search_names(events), fits, frozenset(stages))


def _search_names(events: Iterable[Row]) -> dict[str, str]:
    names: dict[str, str] = {}
    seen: dict[str, int] = {}
    for event in events:
        if event["event"] == "tuning_start" and {"id", "uid"} <= event.keys() and event["id"] not in names:
            seen[event["uid"]] = seen.get(event["uid"], 0) + 1
            number = seen[event["uid"]]
            names[event["id"]] = event["uid"] if number == 1 else f"{event['uid']}.{number}"
    return names
