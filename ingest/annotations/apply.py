"""What the job itself said (schemas.annotations): laid over the tables that were rebuilt without it.

Params, metrics and tags become rows of `annotations`, each with the run it belongs to; searches, trials and fits get
what only the job can know; what is said of one run twice in different words is kept under a second name, and is an
issue.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...schemas import annotations
from ...schemas.issues import ImportIssue
from ...schemas.tables import ANNOTATED_RUNS, ANNOTATIONS, FITS, TASK_METRICS, TRIALS, TUNINGS
from .. import arrow
from .handlers import HANDLERS
from .state import Row, Values


@dataclass(frozen=True, slots=True)
class Told:
    """The tables with what the job said in them, the run it ran under, and issues."""

    tables: Mapping[str, Any]
    mlflow_run_id: str | None
    mlflow_tracking_uri: str | None
    issues: tuple[ImportIssue, ...]


def events_of(job_properties: Any) -> list[Row]:
    """Everything the job said, in order; the log's own empty list where it said nothing."""
    return list(
        annotations.read_events(
            row["value"] for row in job_properties.to_pylist() if row["key"] == annotations.EVENT and row["value"]
        )
    )


def lay_over(tables: Mapping[str, Any], events: list[Row], names: Mapping[str, str], ended: bool) -> Told:
    """`tables` holds tunings, trials, fits, task_metrics and tasks; `names` maps a search's id to its tuning_uid;
    `ended` says that what has no end by now failed."""
    tunings, trials, fits = (_by_key(tables[t.name], t.key) for t in (TUNINGS, TRIALS, FITS))
    told = Values(names, tunings, trials, fits)
    for event in events:
        HANDLERS[event["event"]](told, event)
    _close(told, ended)
    changed = (
        {
            table.name: arrow.from_rows(table, ([row.get(c.name) for c in table] for _, row in sorted(rows.items())))
            for table, rows in ((TUNINGS, told.tunings), (TRIALS, told.trials), (FITS, told.fits))
        }
        if events
        else {name: tables[name] for name in ("tunings", "trials", "fits")}
    )
    changed["annotations"] = arrow.from_rows(ANNOTATIONS, ([row.get(c.name) for c in ANNOTATIONS] for row in told.said))
    changed["annotated_runs"] = arrow.from_rows(
        ANNOTATED_RUNS, ([row.get(c.name) for c in ANNOTATED_RUNS] for row in told.runs.values())
    )
    changed["task_metrics"] = _with_task_values(tables, told.task_values)
    return Told(changed, *told.mlflow, tuple(told.issues))


def search_names(events: Iterable[Row]) -> dict[str, str]:
    """Id of a search -> its tuning_uid: the uid, and with .2, .3 the later ones of one uid."""
    names: dict[str, str] = {}
    seen: dict[str, int] = {}
    for event in events:
        if event["event"] == "tuning_start" and {"id", "uid"} <= event.keys() and event["id"] not in names:
            seen[event["uid"]] = seen.get(event["uid"], 0) + 1
            number = seen[event["uid"]]
            names[event["id"]] = event["uid"] if number == 1 else f"{event['uid']}.{number}"
    return names


def _by_key(table: Any, key: tuple[str, ...]) -> dict[Any, Row]:
    return {tuple(row[name] for name in key): row for row in table.to_pylist()}


def _close(told: Values, ended: bool) -> None:
    """Trials from their fits, and what never ended."""
    for (uid, trial), row in told.trials.items():
        if told.tunings.get((uid,), {}).get("source") != "annotated":
            continue
        fits = [fit for key, fit in told.fits.items() if key[:2] == (uid, trial)]
        starts = [fit["start_time_ms"] for fit in fits if fit.get("start_time_ms") is not None]
        ends = [fit["end_time_ms"] for fit in fits if fit.get("end_time_ms") is not None]
        states = {fit.get("status") for fit in fits}
        row.update(
            num_folds=len(fits),
            start_time_ms=min(starts, default=None),
            end_time_ms=max(ends, default=None),
            status="FAILED" if "FAILED" in states else "RUNNING" if "RUNNING" in states or not fits else "FINISHED",
        )
    for uid, row in told.tunings.items():
        if row.get("source") == "annotated":
            row["num_fits"] = sum(key[0] == uid[0] for key in told.fits)
    for row in (*told.tunings.values(), *told.trials.values(), *told.runs.values()):
        if ended and row.get("status") == "RUNNING":
            row["status"] = "FAILED"


def _with_task_values(tables: Mapping[str, Any], values: list[tuple[int, int, str, float]]) -> Any:
    """User accumulators, and the values that annotate.task_metrics collected, by task."""
    if not values:
        return tables["task_metrics"]
    tasks = tables["tasks"]
    attempts = dict(
        zip(arrow.numbers(tasks, "task_id").tolist(), arrow.numbers(tasks, "stage_attempt").tolist(), strict=True)
    )
    rows = [
        *(tuple(row.values()) for row in tables["task_metrics"].to_pylist()),
        *((stage, attempts.get(task, 0), task, name, value) for stage, task, name, value in values),
    ]
    return arrow.from_rows(TASK_METRICS, sorted(rows))
