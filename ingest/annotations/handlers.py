"""One handler per kind of annotation (schemas.annotations): it changes tables, or adds values to a run."""

import json
from collections.abc import Callable, Mapping

from .group_models import read_models
from .state import AnnotationState, Row, fit_target

_STATUS = {"FINISHED": "FINISHED", "FAILED": "FAILED", "KILLED": "KILLED"}


def _tuning_start(state: AnnotationState, event: Row) -> None:
    uid = state.names.get(event.get("id", ""))
    if uid is None:
        return
    row = state.tunings.setdefault((uid,), {"tuning_uid": uid, "num_fits": 0, "status": "RUNNING"})
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
    row["framework"] = event.get("framework", "mllib")
    row.update(
        source="annotated",
        found_by="annotation",
        confidence=1.0,
        start_time_ms=event["time_ms"],
        end_time_ms=None,
        status="RUNNING",
    )
    if "parent" in event:
        row["parent_uid"] = state.names.get(event["parent"])
    maps = event.get("param_maps", [])
    row["num_trials"] = len(maps) or row.get("num_trials")
    for trial, values in enumerate(maps):
        state.trials.setdefault((uid, trial), {"tuning_uid": uid, "trial": trial, "num_folds": 0})["params_json"] = (
            json.dumps(values)
        )
    state.texts(f"tuning/{uid}", "param", event.get("params"), uid)


def _fit_end(state: AnnotationState, event: Row) -> None:
    uid = state.names.get(event.get("id", ""))
    if uid is None or "trial" not in event or "fold" not in event:
        return
    key = uid, event["trial"], event["fold"], None
    row = state.fits.setdefault(key, {"tuning_uid": uid, "trial": key[1], "fold": key[2], "num_jobs": 0})
    row.update(framework=_framework(state, uid), source="annotated", confidence=1.0)
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
    if "error" in event:
        state.text(fit_target(key), "tag", "afterglow.error", event["error"], uid)
    trial = state.trials.setdefault((uid, key[1]), {"tuning_uid": uid, "trial": key[1]})
    if "params" in event:
        trial["params_json"] = json.dumps(event["params"])
    search = state.tunings.get((uid,))
    if search is not None:
        search["metric_name"] = search.get("metric_name") or event.get("metric_name")
    end = event.get("end_ms") or event["time_ms"]
    state.metrics(fit_target(key), event.get("metrics"), end)
    state.training(fit_target(key), event, event.get("evaluate_ms"))


def _framework(state: AnnotationState, uid: str) -> str:
    """A loop is around fits of MLlib; the trials of other frameworks are their own."""
    search = state.tunings.get((uid,), {})
    return "mllib" if search.get("framework") in (None, "loop") else str(search["framework"])


def _trial_end(state: AnnotationState, event: Row) -> None:
    uid = state.names.get(event.get("id", ""))
    if uid is None or "trial" not in event:
        return
    trial = state.trials.setdefault((uid, event["trial"]), {"tuning_uid": uid, "trial": event["trial"]})
    if "params" in event:
        trial["params_json"] = json.dumps(event["params"])
    state.metrics(f"tuning/{uid}/trial/{event['trial']}", event.get("metrics"), event["time_ms"])


def _tuning_end(state: AnnotationState, event: Row) -> None:
    uid = state.names.get(event.get("id", ""))
    row = state.tunings.get((uid,))
    if row is None:
        return
    row.update(
        status=_STATUS.get(event.get("status", ""), "FINISHED"),
        end_time_ms=event.get("end_ms", event["time_ms"]),
        best_trial=event.get("best_index"),
    )
    if "num_folds" in event:
        row["num_folds"] = event["num_folds"]
    if "start_ms" in event:
        row["start_time_ms"] = event["start_ms"]
    for name, column in (("avg_metrics", "avg_metric"), ("std_metrics", "std_metric")):
        for trial, value in enumerate(event.get(name, ())):
            if (uid, trial) in state.trials:
                state.trials[uid, trial][column] = value
    state.training(f"tuning/{uid}", event, None)


def _estimator_start(state: AnnotationState, event: Row) -> None:
    row = state.fits.get(state.fit_keys.get(event.get("id", "")))
    if row is None:
        state.texts(_run_target(state, event), "param", event.get("params"), event.get("id", ""))
        return
    if row.get("tuning_uid") is None:
        row["annotated_run"] = event.get("run")
    known = json.loads(row.get("params_json") or "{}")
    row["params_json"] = json.dumps({**known, **event.get("params", {})})
    row["start_time_ms"] = min(filter(None, (row.get("start_time_ms"), event["time_ms"])))


def _estimator_end(state: AnnotationState, event: Row) -> None:
    key = state.fit_keys.get(event.get("id", ""))
    row = state.fits.get(key)
    if key is None or row is None:
        state.training(_session_target(event), event, None)
        return
    end = event.get("end_ms", event["time_ms"])
    row["end_time_ms"] = max(filter(None, (row.get("end_time_ms"), end)))
    if key[0] is None:  # of a loop the row may hold several calls
        row.update(fit_start_time_ms=event.get("start_ms"), fit_end_time_ms=end)
        row["status"] = _STATUS.get(event.get("status", ""), "FINISHED")
    if "error" in event:
        state.text(fit_target(key), "tag", "afterglow.error", event["error"], event["id"])
    state.training(fit_target(key), event, None)


def _evaluation(state: AnnotationState, event: Row) -> None:
    """A metric of a fit outside searches. The first one is also in the table fits."""
    key = state.fit_keys.get(event.get("id", ""))
    row = state.fits.get(key)
    if key is None or row is None or not {"metric", "value"} <= event.keys():
        return
    if row.get("metric") is None:
        row["metric"] = event["value"]
    target = fit_target(key)
    step = sum((known["target"], known["name"]) == (target, event["metric"]) for known in state.values)
    state.metric(target, event["metric"], event["value"], step, event["time_ms"])


def _run_start(state: AnnotationState, event: Row) -> None:
    if "id" in event:
        state.runs.setdefault(
            event["id"],
            {
                "run": event["id"],
                "name": event.get("name"),
                "parent": event.get("parent"),
                "status": "RUNNING",
                "start_time_ms": event["time_ms"],
            },
        )


def _run_end(state: AnnotationState, event: Row) -> None:
    row = state.runs.get(event.get("id", ""))
    if row is not None:
        row.update(
            status=_STATUS.get(event.get("status", ""), "FINISHED"), end_time_ms=event.get("end_ms", event["time_ms"])
        )


def _log(state: AnnotationState, event: Row) -> None:
    target = _run_target(state, event)
    by = f"{event.get('writer')} {event.get('seq')}"
    state.texts(target, "param", event.get("params"), by)
    state.texts(target, "tag", event.get("tags"), by)
    steps: dict[str, int] = {}
    for row in event.get("metrics", ()):
        if len(row) == 4 and isinstance(row[0], str):
            name, value, step, time_ms = row
            steps[name] = step if isinstance(step, int) else steps.get(name, -1) + 1
            state.metric(target, name, value, steps[name], time_ms if isinstance(time_ms, int) else event["time_ms"])


def _run_target(state: AnnotationState, event: Row) -> str:
    """The run an event is about, as its key below the application's: a run of annotate.run, a fit, the session of
    Spark Connect, the application."""
    if event.get("run") in state.runs:
        return f"run/{event['run']}"
    uid = state.names.get(event.get("tuning", ""))
    if uid is not None and "trial" in event and "fold" in event:
        return fit_target((uid, event["trial"], event["fold"], None))
    return _session_target(event)


def _session_target(event: Row) -> str:
    return f"session/{event['session']}" if "session" in event else ""


def _task_metrics(state: AnnotationState, event: Row) -> None:
    for row in event.get("values", ()):
        if len(row) == 4 and isinstance(row[2], str) and all(isinstance(part, int) for part in row[:2]):
            value = row[3]
            if isinstance(value, int | float) and not isinstance(value, bool):
                state.task_values.append((row[0], row[1], row[2], float(value)))


def _models(state: AnnotationState, event: Row) -> None:
    state.models.extend(read_models(event))


def _mlflow_run(state: AnnotationState, event: Row) -> None:
    """The application goes under this run. A server of Spark Connect is not one client's, so it does not."""
    if state.mlflow[0] is None and "session" not in event:
        state.mlflow = event.get("run_id"), event.get("tracking_uri")


HANDLERS: Mapping[str, Callable[[AnnotationState, Row], None]] = {
    "tuning_start": _tuning_start,
    "fit_end": _fit_end,
    "trial_end": _trial_end,
    "tuning_end": _tuning_end,
    "estimator_start": _estimator_start,
    "estimator_end": _estimator_end,
    "evaluation": _evaluation,
    "run_start": _run_start,
    "run_end": _run_end,
    "log": _log,
    "task_metrics": _task_metrics,
    "models": _models,
    "mlflow_run": _mlflow_run,
}
