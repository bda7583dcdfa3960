"""What the job itself said (schemas.annotations): laid over the tables that were rebuilt without it.

Params, metrics and tags become rows of `annotations`, each with the run it belongs to; searches, trials and fits get
what only the job can know; what is said of one run twice in different words is kept under a second name, and is an
issue.
"""

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...schemas import annotations
from ...schemas.issues import ImportIssue
from ...schemas.tables import ANNOTATED_RUNS, ANNOTATIONS, FITS, TASK_METRICS, TRIALS, TUNINGS
from .. import arrow

Row = dict[str, Any]
_NAMESPACE = uuid.UUID("6b2f4d1e-6f0e-5c52-9c59-0f6f0c9d6a11")
_STATUS = {"FINISHED": "FINISHED", "FAILED": "FAILED"}


@dataclass(slots=True)
class _Told:
    """The tables under way, by key, and what was said of each run."""

    names: Mapping[str, str]
    tunings: dict[Any, Row]
    trials: dict[Any, Row]
    fits: dict[Any, Row]
    runs: dict[str, Row] = field(default_factory=dict)
    said: list[Row] = field(default_factory=list)
    known: dict[tuple[str, str, str], str] = field(default_factory=dict)
    task_values: list[tuple[int, int, str, float]] = field(default_factory=list)
    mlflow: tuple[str | None, str | None] = (None, None)
    issues: list[ImportIssue] = field(default_factory=list)
    app_id: str = ""

    def text(self, target: str, kind: str, name: str, value: Any, by: str) -> None:
        """A param or tag; the same name with another value gets a suffix that is the same at every import."""
        shown = value if isinstance(value, str) else json.dumps(value)
        if self.known.setdefault((target, kind, name), shown) != shown:
            suffix = str(uuid.uuid5(_NAMESPACE, f"{self.app_id} {target} {by} {name}"))[:8]
            message = f"{kind} {name!r} was said twice with different values; the later one is {name}_{suffix}"
            self.issues.append(ImportIssue("annotation_collides", message))
            name = f"{name}_{suffix}"
        self.said.append({"target": target, "kind": kind, "name": name, "text": shown})

    def texts(self, target: str, kind: str, values: Mapping[str, Any] | None, by: str) -> None:
        """Several of them."""
        for name, value in (values or {}).items():
            self.text(target, kind, str(name), value, by)

    def metric(self, target: str, name: str, value: Any, step: int, time_ms: int | None) -> None:
        """One value of a metric."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            self.said.append(
                {
                    "target": target,
                    "kind": "metric",
                    "name": name,
                    "value": float(value),
                    "step": step,
                    "time_ms": time_ms,
                }
            )

    def training(self, target: str, event: Row, end_ms: int | None) -> None:
        """Loss per iteration, its times spread over the training, and the summary's figures."""
        start = event.get("start_ms") or event["time_ms"]
        end = end_ms or event.get("end_ms") or event["time_ms"]
        for stage, losses in event.get("loss", {}).items():
            for step, loss in enumerate(losses):
                self.metric(target, f"loss/{stage}", loss, step, start + (end - start) * (step + 1) // len(losses))
        for name, value in event.get("figures", {}).items():
            self.metric(target, str(name), value, 0, end)


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


def lay_over(tables: Mapping[str, Any], events: list[Row], names: Mapping[str, str], app_id: str, ended: bool) -> Told:
    """`tables` holds tunings, trials, fits, task_metrics and tasks; `names` maps a search's id to its tuning_uid;
    `ended` says that what has no end by now failed."""
    tunings, trials, fits = (_by_key(tables[t.name], t.key) for t in (TUNINGS, TRIALS, FITS))
    told = _Told(names, tunings, trials, fits, app_id=app_id)
    handlers = {
        "tuning_start": _tuning_start,
        "fit_end": _fit_end,
        "tuning_end": _tuning_end,
        "estimator_start": _estimator_start,
        "estimator_end": _estimator_end,
        "run_start": _run_start,
        "run_end": _run_end,
        "log": _log,
        "task_metrics": _task_metrics,
        "mlflow_run": _mlflow_run,
    }
    for event in events:
        handlers[event["event"]](told, event)
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


def _tuning_start(told: _Told, event: Row) -> None:
    uid = told.names.get(event.get("id", ""))
    if uid is None:
        return
    row = told.tunings.setdefault((uid,), {"tuning_uid": uid, "num_fits": 0, "status": "RUNNING"})
    fields = {
        "kind": "kind",
        "estimator": "estimator_class",
        "estimator_uid": "estimator_uid",
        "evaluator": "evaluator_class",
        "metric": "metric_name",
        "num_folds": "num_folds",
        "parallelism": "parallelism",
        "seed": "seed",
        "larger_better": "larger_better",
        "fold_col": "fold_col",
        "parent_trial": "parent_trial",
        "parent_fold": "parent_fold",
        "run": "annotated_run",
    }
    row.update({column: event[name] for name, column in fields.items() if name in event})
    row.update(source="annotated", confidence=1.0, start_time_ms=event["time_ms"], end_time_ms=None, status="RUNNING")
    if "parent" in event:
        row["parent_uid"] = told.names.get(event["parent"])
    maps = event.get("param_maps", [])
    row["num_trials"] = len(maps) or row.get("num_trials")
    for trial, values in enumerate(maps):
        told.trials.setdefault((uid, trial), {"tuning_uid": uid, "trial": trial, "num_folds": 0})["params_json"] = (
            json.dumps(values)
        )
    told.texts(f"tuning/{uid}", "param", event.get("params"), uid)


def _fit_end(told: _Told, event: Row) -> None:
    uid = told.names.get(event.get("id", ""))
    if uid is None or "trial" not in event or "fold" not in event:
        return
    key = uid, event["trial"], event["fold"]
    row = told.fits.setdefault(key, {"tuning_uid": uid, "trial": key[1], "fold": key[2], "num_jobs": 0})
    row["confidence"] = 1.0
    row.update(
        {
            column: event[name]
            for name, column in (
                ("metric", "metric"),
                ("start_ms", "start_time_ms"),
                ("end_ms", "end_time_ms"),
                ("start_ms", "fit_start_time_ms"),
                ("evaluate_ms", "fit_end_time_ms"),
                ("evaluate_ms", "evaluate_start_time_ms"),
            )
            if name in event
        }
    )
    if "evaluate_ms" in event:
        row["evaluate_end_time_ms"] = event.get("end_ms")
    row["status"] = _STATUS.get(event.get("status", ""), "FINISHED")
    told.training(f"tuning/{uid}/trial/{key[1]}/fold/{key[2]}", event, event.get("evaluate_ms"))


def _tuning_end(told: _Told, event: Row) -> None:
    uid = told.names.get(event.get("id", ""))
    row = told.tunings.get((uid,))
    if row is None:
        return
    row.update(
        status=_STATUS.get(event.get("status", ""), "FINISHED"),
        end_time_ms=event.get("end_ms", event["time_ms"]),
        best_trial=event.get("best_index"),
    )
    if "start_ms" in event:
        row["start_time_ms"] = event["start_ms"]
    for name, column in (("avg_metrics", "avg_metric"), ("std_metrics", "std_metric")):
        for trial, value in enumerate(event.get(name, ())):
            if (uid, trial) in told.trials:
                told.trials[uid, trial][column] = value
    told.training(f"tuning/{uid}", event, None)


def _estimator_start(told: _Told, event: Row) -> None:
    told.texts(_run_target(told, event), "param", event.get("params"), event.get("id", ""))


def _estimator_end(told: _Told, event: Row) -> None:
    told.training("", event, None)


def _run_start(told: _Told, event: Row) -> None:
    if "id" in event:
        told.runs.setdefault(
            event["id"],
            {
                "run": event["id"],
                "name": event.get("name"),
                "parent": event.get("parent"),
                "status": "RUNNING",
                "start_time_ms": event["time_ms"],
            },
        )


def _run_end(told: _Told, event: Row) -> None:
    row = told.runs.get(event.get("id", ""))
    if row is not None:
        row.update(
            status=_STATUS.get(event.get("status", ""), "FINISHED"), end_time_ms=event.get("end_ms", event["time_ms"])
        )


def _log(told: _Told, event: Row) -> None:
    target = _run_target(told, event)
    by = f"{event.get('writer')} {event.get('seq')}"
    told.texts(target, "param", event.get("params"), by)
    told.texts(target, "tag", event.get("tags"), by)
    steps: dict[str, int] = {}
    for row in event.get("metrics", ()):
        if len(row) == 4 and isinstance(row[0], str):
            name, value, step, time_ms = row
            steps[name] = step if isinstance(step, int) else steps.get(name, -1) + 1
            told.metric(target, name, value, steps[name], time_ms if isinstance(time_ms, int) else event["time_ms"])


def _run_target(told: _Told, event: Row) -> str:
    """The run an event is about, as its key below the application's: a run of annotate.run, a fit, the application."""
    if event.get("run") in told.runs:
        return f"run/{event['run']}"
    uid = told.names.get(event.get("tuning", ""))
    if uid is not None and "trial" in event and "fold" in event:
        return f"tuning/{uid}/trial/{event['trial']}/fold/{event['fold']}"
    return ""


def _task_metrics(told: _Told, event: Row) -> None:
    for row in event.get("values", ()):
        if len(row) == 4 and isinstance(row[2], str) and all(isinstance(part, int) for part in row[:2]):
            value = row[3]
            if isinstance(value, int | float) and not isinstance(value, bool):
                told.task_values.append((row[0], row[1], row[2], float(value)))


def _mlflow_run(told: _Told, event: Row) -> None:
    if told.mlflow[0] is None:
        told.mlflow = event.get("run_id"), event.get("tracking_uri")


def _close(told: _Told, ended: bool) -> None:
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
