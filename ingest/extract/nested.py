"""Rows from the lists and maps inside an event: a job's stages and properties, plan nodes, accumulators.

Each function takes the events of one kind and yields the rows of one table. A value that cannot become a row is added
to `dropped`.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...schemas import orchestrators, spark

Row = tuple[Any, ...]
Events = Sequence[Any]
"""Structs of one kind of event, whose classes decode.structs builds from the declared columns."""


@dataclass(slots=True)
class Dropped:
    """Values that became no row: per code and message, how many, and the index of the first one's event."""

    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    first: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, code: str, message: str, index: int) -> None:
        """Counts one value of the event at `index`."""
        key = code, message
        self.counts[key] = self.counts.get(key, 0) + 1
        self.first.setdefault(key, index)


# org.apache.spark.sql.execution.DataSourceScanExec.metadata: `Location: InMemoryFileIndex(1 paths)[file:/a, file:/b]`
_LOCATION = re.compile(r"^\w+\s*(?:\(\d+ paths\))?\s*\[(.*?)\.{0,3}\]?$", re.DOTALL)
# io.delta's PreparedDeltaFileIndex and TahoeLogFileIndex, whose format is Parquet in the plan
_DELTA_INDEX = re.compile(r"^(?:Prepared)?(?:Delta|Tahoe)\w*FileIndex")
_BETWEEN_PATHS = re.compile(r", (?=[A-Za-z][\w+.-]{0,30}:/)")  # a path may hold a comma and a blank
# JDBCRelation.toString, `Scan JDBCRelation(TBLS) [numPartitions=1] ...`; HiveTableRelation: `Scan hive default.t [...]`
_RELATION = re.compile(r"^(?:\*?\(?\d*\)?\s*)?(?:Batch)?Scan\s+(?:(\w+?)Relation\((.*?)\)(?:\s|$)|(\w+)\s+(\S+))")
# org.apache.spark.ml and org.apache.spark.mllib, in the lines of StageInfo.details (CallSite.longForm)
_ML = "org.apache.spark.ml"
_PREDICTOR = "org.apache.spark.ml.Predictor.fit("
# InMemoryRelation names its RDD with Utils.abbreviate(plan, 1024); names that users set may be of any length
_RDD_NAME_LENGTH = 2048
# org.apache.spark.rdd.RDDOperationScope.toJson: the operator of the plan or the method that made the RDD
_SCOPE_NAME = re.compile(r'"name"\s*:\s*"([^"\\]{1,200})"')
# org.apache.spark.sql.execution.columnar.InMemoryTableScanExec: the query itself computes what is above it (or above
# the filter that makes the fold, where the fold is not cached)
_CACHED = "InMemoryTableScan"
_ATTRIBUTE = re.compile(r"#(\d{1,15})")


def _job_properties(events: Events, dropped: Dropped) -> Iterator[Row]:
    for index, event in enumerate(events):
        for key, value in (event.properties or {}).items():
            # a SQL job's properties hold the whole configuration, of which little is about the job
            known = key in spark.JOB_PROPERTIES or key in orchestrators.LOCAL_PROPERTIES
            if not known and not key.startswith(spark.ANNOTATION_PREFIX):
                continue
            if isinstance(value, str):
                yield event.job_id, key, value
            elif value is not None:
                dropped.add("field_unusable", f"{spark.JOB_START}: the property {key} is not text", index)


def _job_stages(events: Events, dropped: Dropped) -> Iterator[Row]:
    for index, event in enumerate(events):
        for stage in event.stage_infos or ():
            if stage.stage_id is None:
                dropped.add("field_unusable", f"{spark.JOB_START}: Stage Infos without a Stage ID", index)
                continue
            rdds = [rdd.rdd_id for rdd in stage.rdd_info or () if rdd.rdd_id is not None]
            stack = _ml_stack(stage.details)
            yield event.job_id, stage.stage_id, stage.name, stage.num_tasks, stage.parent_ids, rdds, *stack


def _ml_stack(details: str | None) -> tuple[str | None, int | None]:
    """The frames of estimators, evaluators and searches, innermost first, and the whole stack's depth.

    Predictor.fit calls `train` of its class, which may be of another library.
    """
    if not details or _ML not in details:
        return None, details.count("\n") + 1 if details else None
    lines = details.split("\n")
    outer = [*lines[1:], ""]
    kept = (
        line
        for line, called_by in zip(lines, outer, strict=True)
        if line.startswith(_ML) or called_by.startswith(_PREDICTOR)
    )
    return "\n".join(kept), len(lines)


def _rdds(events: Events, dropped: Dropped) -> Iterator[Row]:
    seen: set[int | None] = {None}
    for event in events:
        for stage in event.stage_infos or ():
            for rdd in stage.rdd_info or ():
                if rdd.rdd_id not in seen:
                    seen.add(rdd.rdd_id)
                    level = rdd.storage_level
                    places = [] if level is None else _places(level.use_memory, level.use_disk)
                    name = rdd.name[:_RDD_NAME_LENGTH] if rdd.name else rdd.name
                    scope = _SCOPE_NAME.search(rdd.scope or "")
                    yield (
                        *(rdd.rdd_id, name, rdd.callsite, rdd.parent_ids, bool(places), bool(rdd.barrier)),
                        *(scope and scope[1], " and ".join(places) or None, rdd.num_partitions),
                    )


def _places(memory: bool | None, disk: bool | None) -> list[str]:
    return ["memory"] * bool(memory) + ["disk"] * bool(disk)


def _accumulators(events: Events, dropped: Dropped) -> Iterator[Row]:
    for index, event in enumerate(events):
        for accumulable in event.task_info.accumulables or ():
            if accumulable.internal or not accumulable.name or accumulable.update is None:
                continue
            if not isinstance(accumulable.name, str):
                dropped.add("field_unusable", f"{spark.TASK_END}: an accumulator's name is not text", index)
                continue
            value = _number(accumulable.update)
            if value is None:
                dropped.add("value_not_numeric", f"accumulator {accumulable.name[:100]!r} is not numeric", index)
                continue
            key = event.stage_id, event.stage_attempt_id, event.task_info.task_id
            yield *key, accumulable.name, value


def _task_updates(events: Events, dropped: Dropped) -> Iterator[Row]:
    for index, event in enumerate(events):
        added = [a for a in event.task_info.accumulables or () if a.metadata == "sql" and a.update is not None]
        found = [(a.id, _integer(a.update)) for a in added if _is_id(a.id)]
        found = [(id_, update) for id_, update in found if update is not None]
        for _ in range(len(added) - len(found)):
            dropped.add("field_unusable", f"{spark.TASK_END}: an SQL metric is no integer of 64 bits", index)
        if found:
            info = event.task_info
            key = event.stage_id, event.stage_attempt_id, info.index, info.task_id, event.task_end_reason.reason
            yield *key, [id_ for id_, _ in found], [update for _, update in found]


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _integer(value: object) -> int | None:
    if isinstance(value, str) and value.removeprefix("-").isdecimal():
        value = int(value[:30])
    return value if isinstance(value, int) and _is_id(value) else None


def _number(value: object) -> float | None:
    """User accumulators are written as text. A list or a map of a collection accumulator is not a number."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _environment(events: Events, dropped: Dropped) -> Iterator[Row]:
    for event in events:
        for section, properties in (("spark", event.spark_properties), ("jvm", event.jvm_information)):
            for key, value in (properties or {}).items():
                yield section, key, value if isinstance(value, str) else str(value)
        for key, pattern in orchestrators.SYSTEM_PROPERTIES.items():
            value = (event.system_properties or {}).get(key)
            if isinstance(value, str) and re.search(pattern, value):
                yield "system", key, value


def _resources(events: Events, dropped: Dropped) -> Iterator[Row]:
    for event in events:
        for scope in ("executor", "task"):
            for name, request in (getattr(event, f"{scope}_resource_requests") or {}).items():
                yield event.resource_profile_id, scope, name, request.amount


def _plan_scans(events: Events, dropped: Dropped) -> Iterator[Row]:
    for event in events:
        for node in _nodes(event.sparkplaninfo):
            for source in _scan(node):
                yield event.executionid, *source


def _plan_functions(events: Events, dropped: Dropped) -> Iterator[Row]:
    for event in events:
        nodes = list(_nodes(event.sparkplaninfo))
        if any(node.node_name in spark.PYTHON_NODES for node in nodes):
            for node in nodes:
                if node.node_name in spark.PYTHON_NODES or node.node_name == spark.RANGE_NODE:
                    yield event.executionid, node.node_name, node.simple_string


def _shows_search(event: Any) -> bool:
    """decode leaves out the metrics of a plan that has no sign of a search."""
    return event.sparkplaninfo is not None and event.sparkplaninfo.metrics is not None


def _plan_folds(events: Events, dropped: Dropped) -> Iterator[Row]:
    for event in events:
        for node in _nodes(event.sparkplaninfo) if _shows_search(event) else ():
            if node.node_name == "Filter" and spark.RANDOM_COLUMN in node.simple_string:
                yield event.executionid, node.simple_string


def _plan_links(events: Events, dropped: Dropped) -> Iterator[Row]:
    for event in events:
        metrics: list[int] = []
        made: set[int] = set()
        read: set[int] = set()
        of_search = False
        pending = [(event.sparkplaninfo, False)] if _shows_search(event) else []
        while pending:
            node, below = pending.pop()
            text = node.simple_string
            signed = any(sign in text for sign in spark.SEARCH_SIGNS)
            of_search = of_search or signed
            metrics.extend(m.accumulator_id for m in node.metrics if m.accumulator_id is not None)
            below = below or node.node_name.startswith(_CACHED) or (signed and node.node_name == "Filter")
            (read if below else made).update(map(int, _ATTRIBUTE.findall(text)))
            pending.extend((child, below) for child in node.children)
        if of_search and event.executionid is not None:
            yield event.executionid, metrics, sorted(made - read)


def _stage_metrics(events: Events, dropped: Dropped) -> Iterator[Row]:
    for index, event in enumerate(events):
        found = [a for a in event.stage_info.accumulables or () if a.metadata == "sql" and a.id is not None]
        values = [_whole_number(a.value) for a in found]
        for value, accumulable in zip(values, found, strict=True):
            if value is None and accumulable.value is not None:
                dropped.add("field_unusable", f"{spark.STAGE_COMPLETED}: an SQL metric is no integer of 64 bits", index)
        if found:
            # Spark writes -1 for a metric without a value
            known = [-1 if value is None else max(value, -1) for value in values]
            yield event.stage_info.stage_id, [a.id for a in found], known


def _whole_number(value: Any) -> int | None:
    """The value of an SQL metric; None where it is no number, or one of more than 64 bits."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number < 2**63 else None


def _sql_plans(events: Events, dropped: Dropped) -> Iterator[Row]:
    for index, event in enumerate(events):
        if isinstance(event.sparkplaninfo, tuple) and event.executionid is not None:
            yield event.executionid, *event.sparkplaninfo
        elif event.sparkplaninfo is not None:
            message = f"{spark.SQL_ADAPTIVE_UPDATE}: a plan in a form that Spark does not write was skipped"
            dropped.add("field_unusable", message, index)


def _driver_metrics(events: Events, dropped: Dropped) -> Iterator[Row]:
    for index, event in enumerate(events):
        for pair in event.accumupdates or ():
            if len(pair) == 2:
                yield event.executionid, *pair
            else:
                dropped.add("field_unusable", f"{spark.DRIVER_ACCUM_UPDATES}: an update is no id with a value", index)


def _streaming_sources(events: Events, dropped: Dropped) -> Iterator[Row]:
    for event in events:
        progress = event.progress
        for source in progress.sources or ():
            yield progress.runid, progress.batchid, progress.timestamp, source.num_input_rows


def _nodes(root: Any) -> Iterator[Any]:
    pending = [root] if root is not None else []
    while pending:
        node = pending.pop()
        yield node
        pending += node.children[::-1]


def _scan(node: Any) -> Iterator[tuple[str, str, str | None]]:
    """Format, location and table of what a node reads."""
    location = node.metadata.get("Location")
    if location:
        match = _LOCATION.match(location)
        name, _, table = node.node_name.removeprefix("Scan ").strip().partition(" ")
        form = "Delta" if _DELTA_INDEX.match(location) else node.metadata.get("Format", name)
        for path in _BETWEEN_PATHS.split(match[1] if match else location):
            yield form, path, table.strip() or None
    elif node.node_name.startswith(spark.SCAN_NODES):
        match = _RELATION.match(node.simple_string)
        if match:
            yield match[1] or match[3], match[2] or match[4], match[4] if match[3] == "hive" else None


NESTED_ROWS: Mapping[str, Callable[[Events, Dropped], Iterator[Row]]] = {
    "job_properties": _job_properties,
    "job_stages": _job_stages,
    "rdds": _rdds,
    "task_accumulators": _accumulators,
    "task_updates": _task_updates,
    "environment": _environment,
    "resources": _resources,
    "plan_scans": _plan_scans,
    "plan_functions": _plan_functions,
    "plan_folds": _plan_folds,
    "plan_links": _plan_links,
    "stage_metrics": _stage_metrics,
    "sql_plans": _sql_plans,
    "driver_metrics": _driver_metrics,
    "streaming_sources": _streaming_sources,
}
