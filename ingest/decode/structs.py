"""Typed msgspec structs, built from the declared sources, so that only the fields that become rows are decoded."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from ...schemas import spark
from ...schemas.columns import Column
from ...schemas.events import EVENT_TABLES

# A value outside its column's range does not decode, so that the line goes to `recover`, which reports it.
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Double = Annotated[float, msgspec.Meta(ge=-1.797e308, le=1.797e308)]

_PYTHON: Mapping[str, Any] = {
    "int64": Int64,
    "int32": Int32,
    "double": Double,
    "bool": bool,
    "string": str,
    "list<int64>": list[Int64],
    "list<string>": list[str],
}


class StorageLevel(msgspec.Struct, frozen=True, gc=False):
    """Source: JsonProtocol.storageLevelToJson."""

    use_memory: bool | None = msgspec.field(name="Use Memory", default=None)
    use_disk: bool | None = msgspec.field(name="Use Disk", default=None)


class RddInfo(msgspec.Struct, frozen=True, gc=False):
    """An RDD that a stage computes or reads. Source: JsonProtocol.rddInfoToJson."""

    rdd_id: Int64 | None = msgspec.field(name="RDD ID", default=None)
    name: str | None = msgspec.field(name="Name", default=None)
    callsite: str | None = msgspec.field(name="Callsite", default=None)
    parent_ids: list[Int64] | None = msgspec.field(name="Parent IDs", default=None)
    storage_level: StorageLevel | None = msgspec.field(name="Storage Level", default=None)
    barrier: bool | None = msgspec.field(name="Barrier", default=None)
    scope: str | None = msgspec.field(name="Scope", default=None)
    num_partitions: Int64 | None = msgspec.field(name="Number of Partitions", default=None)


class StageInfo(msgspec.Struct, frozen=True, gc=False):
    """One of a job's stages. Source: JsonProtocol.stageInfoToJson."""

    stage_id: Int32 | None = msgspec.field(name="Stage ID", default=None)
    name: str | None = msgspec.field(name="Stage Name", default=None)
    num_tasks: Int64 | None = msgspec.field(name="Number of Tasks", default=None)
    parent_ids: list[Int64] | None = msgspec.field(name="Parent IDs", default=None)
    rdd_info: list[RddInfo] | None = msgspec.field(name="RDD Info", default=None)
    details: str | None = msgspec.field(name="Details", default=None)


class Accumulable(msgspec.Struct, frozen=True, gc=False):
    """One accumulator's update in one task. Source: JsonProtocol.accumulableInfoToJson.

    A user's accumulator and a metric of SQL are read; what is not of their types is an issue of `extract`, or no row,
    but does not break the line.
    """

    id: Any = msgspec.field(name="ID", default=None)
    metadata: Any = msgspec.field(name="Metadata", default=None)
    name: Any = msgspec.field(name="Name", default=None)
    update: Any = msgspec.field(name="Update", default=None)
    internal: bool = msgspec.field(name="Internal", default=False)


class StageAccumulable(msgspec.Struct, frozen=True, gc=False):
    """One accumulator's value in one stage. Source: JsonProtocol.accumulableInfoToJson."""

    id: Int64 | None = msgspec.field(name="ID", default=None)
    metadata: str | None = msgspec.field(name="Metadata", default=None)
    value: Any = msgspec.field(name="Value", default=None)


class PlanMetric(msgspec.Struct, frozen=True, gc=False):
    """Source: org.apache.spark.sql.execution.metric.SQLMetricInfo."""

    accumulator_id: Int64 | None = msgspec.field(name="accumulatorId", default=None)


class PlanNode(msgspec.Struct, frozen=True, rename="camel"):
    """A node of a physical plan. Source: org.apache.spark.sql.execution.SparkPlanInfo."""

    node_name: str = ""
    simple_string: str = ""
    metadata: dict[str, str] = {}
    metrics: list[PlanMetric] = []
    children: "list[PlanNode]" = []


class PlainPlanNode(msgspec.Struct, frozen=True, rename="camel"):
    """A node of a plan in which no hyperparameter search shows: its metrics, most of its bytes, are passed over."""

    metrics: ClassVar[None] = None
    node_name: str = ""
    simple_string: str = ""
    metadata: dict[str, str] = {}
    children: "list[PlainPlanNode]" = []


class ResourceRequest(msgspec.Struct, frozen=True, gc=False):
    """Source: JsonProtocol.executorResourceRequestToJson, taskResourceRequestToJson."""

    amount: Double | None = msgspec.field(name="Amount", default=None)


class StreamingSource(msgspec.Struct, frozen=True, gc=False):
    """Source: org.apache.spark.sql.streaming.SourceProgress."""

    num_input_rows: Int64 | None = msgspec.field(name="numInputRows", default=None)


# What is a list or a map in an event: the fields that extract's nested tables are made from.
_NESTED: Mapping[str, Mapping[tuple[str, ...], Any]] = {
    spark.JOB_START: {("Stage Infos",): list[StageInfo] | None, ("Properties",): dict[str, Any] | None},
    spark.ENVIRONMENT_UPDATE: {
        ("Spark Properties",): dict[str, Any] | None,
        ("JVM Information",): dict[str, Any] | None,
        ("System Properties",): dict[str, Any] | None,
    },
    spark.RESOURCE_PROFILE_ADDED: {
        ("Executor Resource Requests",): dict[str, ResourceRequest] | None,
        ("Task Resource Requests",): dict[str, ResourceRequest] | None,
    },
    spark.STAGE_COMPLETED: {("Stage Info", "Accumulables"): list[StageAccumulable] | None},
    spark.TASK_END: {("Task Info", "Accumulables"): list[Accumulable] | None},
    spark.SQL_START: {("sparkPlanInfo",): PlanNode | None},
    spark.SQL_ADAPTIVE_UPDATE: {("sparkPlanInfo",): Any},
    spark.QUERY_PROGRESS: {("progress", "sources"): list[StreamingSource] | None},
    spark.DRIVER_ACCUM_UPDATES: {("accumUpdates",): list[list[Int64]] | None},
}


# The order in which JsonProtocol.taskEndToJson, taskInfoToJson and taskMetricsToJson write their fields. msgspec looks
# for a key first where the field after the last one stands, so a struct in this order decodes twice as fast; the list
# need not be whole.
_WRITTEN = (
    "Stage ID",
    "Stage Attempt ID",
    "Task End Reason",
    "Task Info",
    "Task ID",
    "Index",
    "Attempt",
    "Partition ID",
    "Launch Time",
    "Executor ID",
    "Host",
    "Locality",
    "Speculative",
    "Getting Result Time",
    "Finish Time",
    "Accumulables",
    "Task Executor Metrics",
    *spark.EXECUTOR_METRICS.values(),
    "Task Metrics",
    "Executor Deserialize Time",
    "Executor Deserialize CPU Time",
    "Executor Run Time",
    "Executor CPU Time",
    "Peak Execution Memory",
    "Result Size",
    "JVM GC Time",
    "Result Serialization Time",
    "Memory Bytes Spilled",
    "Disk Bytes Spilled",
    "Shuffle Read Metrics",
    "Fetch Wait Time",
    "Remote Bytes Read",
    "Local Bytes Read",
    "Total Records Read",
    "Shuffle Write Metrics",
    "Shuffle Bytes Written",
    "Shuffle Write Time",
    "Shuffle Records Written",
    "Input Metrics",
    "Output Metrics",
)
_RANK = {key: at for at, key in enumerate(_WRITTEN)}


def rank(key: str) -> int:
    """Where Spark writes a key among its neighbours, so that a reader may look there first."""
    return _RANK.get(key, len(_RANK))


def attribute(key: str) -> str:
    """The Python name of a JSON key: `Executor CPU Time` -> `executor_cpu_time`."""
    return re.sub(r"\W", "_", key).lower()


def dotted(column: Column) -> str:
    """Where a column's value stands in its event's struct, for operator.attrgetter."""
    return ".".join(attribute(key) for key in column.path or ())


def _struct(name: str, fields: Mapping[str, Any]) -> type[msgspec.Struct]:
    declared: list[Any] = []
    for key, type_ in sorted(fields.items(), key=lambda field: rank(field[0])):
        if isinstance(type_, dict):
            # Absent parts (a lost task has no Task Metrics) are an empty struct, so that every path can be followed.
            part = _struct(f"{name}_{attribute(key)}", type_)
            declared.append((attribute(key), part, part()))
        else:
            declared.append((attribute(key), type_, None))
    rename = {attribute(key): key for key in fields}
    return msgspec.defstruct(name, declared, frozen=True, gc=False, rename=rename)


def _fields(event: str, **instead: Any) -> dict[str, Any]:
    leaves: dict[tuple[str, ...], Any] = {
        column.path: _PYTHON[column.type] | None
        for declared in EVENT_TABLES
        if declared.event == event
        for column in declared.table
        if column.path and not (declared.nested and len(column.path) > 2)
    }
    leaves.update(_NESTED.get(event, {}))
    leaves.update({(key,): type_ for key, type_ in instead.items()})
    root: dict[str, Any] = {}
    for path, type_ in leaves.items():
        part = root
        for key in path[:-1]:
            part = part.setdefault(key, {})
        part.setdefault(path[-1], type_)
    return root


EVENT_TYPES: Mapping[str, type[msgspec.Struct]] = {
    event: _struct(event.rsplit(".", 1)[-1], _fields(event)) for event in dict.fromkeys(t.event for t in EVENT_TABLES)
}

PLAIN_SQL_START = _struct("PlainSQLExecutionStart", _fields(spark.SQL_START, sparkPlanInfo=PlainPlanNode | None))
"""An SQL execution whose plan shows no search: see PlainPlanNode."""

PATHS: Mapping[str, tuple[str, ...]] = {
    declared.table.name: tuple(dotted(column) for column in declared.table if column.path)
    for declared in EVENT_TABLES
    if not declared.nested
}
"""Per event table: where each column with a source stands in its event's struct."""
