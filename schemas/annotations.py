"""The annotation format: property keys on the jobs of a training job, and events as short JSON texts.

The jobs of a fit carry local properties. Events are texts in the property EVENT of jobs without partitions, which have
no stage and no task. Over Spark Connect properties and events are tags of operations. One text is an envelope of
several events. The writer (`afterglow.annotate`) and the reader share this module. The reader does not trust the texts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

VERSION = 1

# Local properties of a job (JobStart > Properties).
EVENT = "afterglow.event"  # text of an envelope or of a piece of one; only on jobs without partitions
TUNING = "afterglow.tuning"  # uid of the CrossValidator or TrainValidationSplit; copies and repeated fits share it
TUNING_ID = "afterglow.tuning.id"  # one per call of its fit; what the events' `id` refers to
FOLD = "afterglow.fold"  # fold, from 0; 0 for a TrainValidationSplit; absent for refit and prepare
TRIAL = "afterglow.trial"  # index of the param map; absent for refit and prepare
PHASE = "afterglow.phase"  # one of PHASES
ESTIMATOR = "afterglow.estimator"  # `id` of the estimator_start of a fit outside searches, or of the model evaluated
RUN = "afterglow.run"  # `id` of the innermost annotate.run around the job
PHASES = ("fit", "evaluate", "refit", "prepare")
PROPERTY_DOCS: Mapping[str, str] = {
    EVENT: "Text of an envelope, or of a piece of one. Only on jobs without partitions.",
    TUNING: "Uid of the search that the job belongs to.",
    TUNING_ID: "Id of the call of fit, as in tuning_start. A search may be fitted many times.",
    FOLD: "Fold, from 0; always 0 for a TrainValidationSplit. Absent for refit and prepare.",
    TRIAL: "Index of the param map. Absent for refit and prepare, and where one job fits several trials.",
    PHASE: "fit, evaluate, refit or prepare (all other jobs of the search).",
    ESTIMATOR: "Id of the outermost plain fit, or of the fit whose model is evaluated, as in estimator_start.",
    RUN: "Id of the innermost annotate.run, as in run_start.",
}
# Spark Connect has no local properties; there the same keys are tags `<key>=<value>` of operations, EVENT too.
TAG_SEPARATOR = "="
# Text of the query that carries events where no operation of the job follows. It runs no job.
CONNECT_QUERY = "SELECT 'afterglow annotation (no tasks)'"

Type = Literal[
    "int", "float", "bool", "str", "list<float>", "list<str>", "dict", "list<dict>", "dict<list<float>>", "list<list>"
]


@dataclass(frozen=True)
class Field:
    """One field of an event. Every field but `event` and `time_ms` may be absent, which means unknown."""

    name: str
    type: Type
    doc: str


@dataclass(frozen=True)
class EventKind:
    """One kind of event: its meaning, and its fields besides `event` (the kind) and `time_ms`."""

    name: str
    doc: str
    fields: tuple[Field, ...]


class AnnotatedFit(NamedTuple):
    """One call of fit outside searches, as estimator_start has it."""

    estimator: str | None
    uid: str | None


_ID = Field("id", "str", "Id, unique in the log.")
_UID = Field("uid", "str", "MLlib's uid.")
_CLASS = Field("python_class", "str", "Python class with its module.")
_PARAMS = Field("params", "dict", "Effective params, named `<Stage>.<param>`.")
_RUN = Field("run", "str", "Id of the innermost annotate.run around the event.")
_MLFLOW = Field("mlflow_run_id", "str", "MLflow run that was active.")
_SPAN = (
    Field("status", "str", "FINISHED, FAILED, or KILLED for a trial that was pruned or cancelled."),
    Field("error", "str", "Class and message of the exception, cut at MAX_VALUE."),
    Field("start_ms", "int", "Start, UTC epoch, driver's clock."),
    Field("end_ms", "int", "End, UTC epoch, driver's clock."),
)
_LOSS = (
    Field("loss", "dict<list<float>>", "Training loss per iteration (objectiveHistory), by stage."),
    Field("figures", "dict", "Numbers of the training summary, named `<Stage>.<figure>` (trainingCost, ...)."),
)
_WHERE = (
    Field("tuning", "str", "Id of the search whose trial logged it."),
    Field("fold", "int", "Fold of that trial."),
    Field("trial", "int", "Param map of that trial."),
)
_PARENT = (
    Field("parent", "str", "Id of the search whose trial runs this one."),
    Field("parent_fold", "int", "Fold of that trial."),
    Field("parent_trial", "int", "Param map of that trial."),
    Field("estimator_id", "str", "Id of the plain fit (a Pipeline) that this search is a stage of."),
)

EVENT_KINDS: Mapping[str, EventKind] = {
    kind.name: kind
    for kind in (
        EventKind(
            "tuning_start",
            "A search started.",
            (
                _ID,
                _UID,
                Field("kind", "str", "CrossValidator, TrainValidationSplit, loop, or the class of another framework."),
                Field("framework", "str", "Framework; absent for MLlib."),
                _CLASS,
                Field("estimator", "str", "Class name of the estimator."),
                Field("estimator_uid", "str", "Uid of the estimator."),
                Field("evaluator", "str", "Class name of the evaluator."),
                Field("metric", "str", "Name of the evaluator's metric."),
                Field("larger_better", "bool", "Whether a larger metric is better."),
                Field("param_maps", "list<dict>", "Param maps in order, named `<Stage>.<param>`."),
                _PARAMS,
                Field("num_folds", "int", "Folds; 1 for a TrainValidationSplit."),
                Field("train_ratio", "float", "TrainValidationSplit only."),
                Field("fold_col", "str", "CrossValidator only."),
                Field("seed", "int", "Seed of the split."),
                Field("parallelism", "int", "Parallelism param of the search."),
                _RUN,
                _MLFLOW,
                *_PARENT,
            ),
        ),
        EventKind(
            "fit_end",
            "One fit of a search ended: one param map on one fold.",
            (
                Field("id", "str", "Id of the search."),
                Field("uid", "str", "Uid of the search."),
                Field("fold", "int", "Fold, from 0."),
                Field("trial", "int", "Index of the param map. Absent where unknown."),
                Field("metric", "float", "Metric of the evaluator, with every digit."),
                Field("metric_name", "str", "Name of the metric, for a trial that is one fit."),
                Field("metrics", "dict", "Further metrics by name."),
                Field("params", "dict", "Params of the trial, for a trial that is one fit."),
                *_SPAN,
                Field("evaluate_ms", "int", "End of training and start of evaluation."),
                *_LOSS,
            ),
        ),
        EventKind(
            "trial_end",
            "All fits of one trial ended. Not written for MLlib, or where a trial is one fit.",
            (
                Field("id", "str", "Id of the search."),
                Field("uid", "str", "Uid of the search."),
                Field("trial", "int", "Number of the trial."),
                Field("params", "dict", "Params of the trial."),
                Field("metrics", "dict", "Metrics over all of its fits, by name."),
            ),
        ),
        EventKind(
            "tuning_end",
            "The search ended. `loss` and `figures` belong to the refit.",
            (
                _ID,
                _UID,
                Field(
                    "avg_metrics",
                    "list<float>",
                    "Average over folds, per param map. For a TrainValidationSplit the metric itself.",
                ),
                Field(
                    "std_metrics", "list<float>", "Standard deviation over folds, per param map. CrossValidator only."
                ),
                Field("best_index", "int", "Param map of the best model."),
                Field("num_folds", "int", "Folds, where they were not known at the start."),
                *_SPAN,
                *_LOSS,
            ),
        ),
        EventKind(
            "estimator_start",
            "A fit outside searches started. A Pipeline is one fit.",
            (
                _ID,
                _UID,
                Field("estimator", "str", "Class name."),
                _CLASS,
                _PARAMS,
                Field("stages", "list<str>", "Names of the stages of a Pipeline, as they prefix the params."),
                _RUN,
                _MLFLOW,
            ),
        ),
        EventKind("estimator_end", "The fit ended.", (_ID, _UID, *_SPAN, *_LOSS)),
        EventKind(
            "evaluation",
            "The model of a fit outside searches was evaluated.",
            (
                Field("id", "str", "Id of the fit, as in estimator_start."),
                Field("evaluator", "str", "Class name of the evaluator."),
                Field("metric", "str", "Name of the evaluator's metric."),
                Field("value", "float", "The metric, with every digit."),
            ),
        ),
        EventKind(
            "run_start",
            "An annotate.run block was entered.",
            (
                _ID,
                Field("name", "str", "Name passed to annotate.run."),
                Field("parent", "str", "Id of the enclosing run."),
                _MLFLOW,
            ),
        ),
        EventKind(
            "run_end", "The block was left.", (_ID, Field("name", "str", "Name passed to annotate.run."), *_SPAN)
        ),
        EventKind(
            "log",
            "A call of annotate.log_param(s), log_metric(s) or set_tags.",
            (
                _RUN,
                *_WHERE,
                Field("params", "dict", "Params."),
                Field("tags", "dict", "Tags."),
                Field("metrics", "list<list>", "Rows of name, value, step (null if absent) and time in ms."),
                _MLFLOW,
            ),
        ),
        EventKind(
            "task_metrics",
            "Values of annotate.task_metrics() from successful task attempts.",
            (
                Field(
                    "values",
                    "list<list>",
                    "Rows of stage id, task id, name, and the sum of the values of the task attempt.",
                ),
            ),
        ),
        EventKind(
            "models",
            "Models that successful task attempts recorded with annotate.models().",
            (
                Field(
                    "values",
                    "list<list>",
                    "Rows of stage id, task id, end in ms (worker's clock), key, params, metrics, rows and seconds.",
                ),
            ),
        ),
        EventKind(
            "mlflow_run",
            "The MLflow run that is active in the driver. Written again when it changes.",
            (
                Field("run_id", "str", "Run id."),
                Field("experiment_id", "str", "Id of its experiment."),
                Field("tracking_uri", "str", "Tracking URI without credentials."),
            ),
        ),
    )
}

# Bounds. A text stays under MAX_TEXT characters, ASCII only; longer envelopes are split into pieces.
MAX_TEXT = 60_000
MAX_PIECES = 64
MAX_NAME = 250  # MLflow's limit of a key
MAX_VALUE = 6_000  # MLflow's limit of a param's value
CUT = "cut"  # field of an event: names of the fields that were too long and were left out
NON_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def to_tag(text: str) -> str:
    """Return the tag of an operation that holds this EVENT text. A tag cannot have commas, so they are escaped."""
    return f"{EVENT}{TAG_SEPARATOR}{text.replace('%', '%25').replace(',', '%2C')}"


def text_of_tag(tag: str) -> str | None:
    """Return the EVENT text of a tag, or None for any other tag."""
    if not tag.startswith(EVENT + TAG_SEPARATOR):
        return None
    return tag[len(EVENT + TAG_SEPARATOR) :].replace("%2C", ",").replace("%25", "%")


def parse_event(text: str) -> dict[str, Any] | None:
    """Parse one EVENT text: an envelope {v, writer, seq, events} or a piece {v, writer, seq, piece, pieces, text}.

    Return None for any other text. Events of unknown kind, undeclared fields and fields of another type are left out.
    Never raises.
    """
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        return None
    return _envelope(text)


def read_events(texts: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the events of the EVENT texts of a log, as join_events does. Never raises."""
    return join_events(filter(None, map(parse_event, texts)))


def join_events(envelopes: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield every event once, in the order of each writer. `envelopes` are those that parse_event returned.

    An envelope that occurs twice counts once; a job of another thread may carry it too. One with a missing piece is
    left out. Events have `writer` and `seq` besides their fields. Never raises.
    """
    whole: dict[tuple[str, int], Mapping[str, Any]] = {}
    parts: dict[tuple[str, int], dict[int, Mapping[str, Any]]] = {}
    for envelope in envelopes:
        key = (envelope["writer"], envelope["seq"])
        if "events" in envelope:
            whole.setdefault(key, envelope)
        else:
            parts.setdefault(key, {}).setdefault(envelope["piece"], envelope)
    for key, pieces in parts.items():
        if len(pieces) == next(iter(pieces.values()))["pieces"] and sorted(pieces) == list(range(len(pieces))):
            joined = _envelope("".join(pieces[i]["text"] for i in range(len(pieces))))
            if joined and "events" in joined and (joined["writer"], joined["seq"]) == key:
                whole.setdefault(key, joined)
    for key in sorted(whole):
        for event in whole[key]["events"]:
            yield {**event, "writer": key[0], "seq": key[1]}


def _envelope(text: str) -> dict[str, Any] | None:
    try:
        raw = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    if not isinstance(raw, dict) or not isinstance(raw.get("writer"), str):
        return None
    numbers = {key: raw[key] for key in ("v", "seq", "piece", "pieces") if _is_int(raw.get(key))}
    head = {"v": numbers.get("v"), "writer": raw["writer"], "seq": numbers.get("seq")}
    if head["v"] is None or head["seq"] is None:
        return None
    if isinstance(raw.get("events"), list):
        return {**head, "events": [event for event in map(_event, raw["events"]) if event]}
    if isinstance(raw.get("text"), str) and 0 <= numbers.get("piece", -1) < numbers.get("pieces", 0) <= MAX_PIECES:
        return {**head, "piece": numbers["piece"], "pieces": numbers["pieces"], "text": raw["text"]}
    return None


def _event(raw: object) -> dict[str, Any] | None:
    kind = EVENT_KINDS.get(str(raw.get("event"))) if isinstance(raw, dict) else None
    if kind is None or not isinstance(raw, dict) or not _is_int(raw.get("time_ms")):
        return None
    event: dict[str, Any] = {"event": kind.name, "time_ms": raw["time_ms"]}
    for field in kind.fields:
        value = _typed(raw.get(field.name), field.type)
        if value is not None:
            event[field.name] = value
    if (cut := _typed(raw.get(CUT), "list<str>")) is not None:
        event[CUT] = cut
    return event


def _typed(value: Any, type: Type) -> Any:
    """Return the value if it has that type, else None. The texts NaN and Infinity become floats."""
    if type == "float":
        if isinstance(value, str):
            return NON_FINITE.get(value)
        return _double(value)
    if type.startswith("list<") and isinstance(value, list):
        if type == "list<list>":
            return [row for row in value if isinstance(row, list)]
        items = [_typed(item, type[5:-1]) for item in value]  # type: ignore[arg-type]
        return None if any(item is None for item in items) else items
    if type == "dict<list<float>>" and isinstance(value, dict):
        lists = {name: _typed(item, "list<float>") for name, item in value.items()}
        return {name: item for name, item in lists.items() if item is not None}
    simple: dict[str, Any] = {"bool": bool, "str": str, "dict": dict}
    if type == "int":
        return value if _is_int(value) else None
    return value if type in simple and isinstance(value, simple[type]) else None


def _double(value: Any) -> float | None:
    try:
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    except OverflowError:
        return None


def _is_int(value: object) -> bool:
    """Return whether the value is an integer of 64 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _no_constant(name: str) -> Any:
    raise ValueError(name)
