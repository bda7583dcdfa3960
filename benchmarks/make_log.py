"""Makes event logs of any size, in the shape Spark 4 writes them: the benchmark's own material, from no real job.

python -m benchmarks.make_log OUT [--tasks 200000] [--kind tasks|sql]
"""

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

START = 1_750_000_000_000
TASKS_PER_STAGE = 500
_SQL = "org.apache.spark.sql.execution.ui.SparkListenerSQLExecution"


def write(out: Path, tasks: int, kind: str = "tasks") -> int:
    """Writes a log of so many tasks (or, for `sql`, of so many plans of about 100 kB); its size in bytes."""
    events = task_events(tasks) if kind == "tasks" else sql_events(tasks)
    with out.open("w", encoding="utf-8", buffering=1 << 20) as file:
        for event in events:
            file.write(event if isinstance(event, str) else line(event))
    return out.stat().st_size


def line(event: dict[str, Any]) -> str:
    return json.dumps(event, separators=(",", ":")) + "\n"


def _begin(app_id: str) -> Iterator[dict[str, Any]]:
    yield {"Event": "SparkListenerLogStart", "Spark Version": "4.0.0"}
    yield {
        "Event": "SparkListenerApplicationStart",
        "App Name": "benchmark",
        "App ID": app_id,
        "Timestamp": START,
        "User": "ml",
    }
    yield {
        "Event": "SparkListenerEnvironmentUpdate",
        "JVM Information": {"Java Version": "17"},
        "Spark Properties": {"spark.app.id": app_id, "spark.master": "yarn"},
        "Hadoop Properties": {},
        "System Properties": {},
        "Metrics Properties": {},
        "Classpath Entries": {},
    }
    for number in range(1, 9):
        yield {
            "Event": "SparkListenerExecutorAdded",
            "Timestamp": START + number,
            "Executor ID": str(number),
            "Executor Info": {
                "Host": f"host-{number}.cluster",
                "Total Cores": 4,
                "Log Urls": {},
                "Attributes": {},
                "Resources": {},
                "Resource Profile Id": 0,
            },
        }


def _stage(stage: int, tasks: int, **more: Any) -> dict[str, Any]:
    rdds = [
        {
            "RDD ID": stage * 4 + n,
            "Name": "MapPartitionsRDD",
            "Scope": '{"id":"7","name":"map"}',
            "Callsite": "map at train.py:10",
            "Parent IDs": [stage * 4 + n - 1],
            "Storage Level": {
                "Use Disk": False,
                "Use Memory": False,
                "Use Off Heap": False,
                "Deserialized": False,
                "Replication": 1,
            },
            "Barrier": False,
            "DeterministicLevel": "DETERMINATE",
            "Number of Partitions": tasks,
            "Number of Cached Partitions": 0,
            "Memory Size": 0,
            "Disk Size": 0,
        }
        for n in range(4)
    ]
    return {
        "Stage ID": stage,
        "Stage Attempt ID": 0,
        "Stage Name": "treeAggregate at RDDLossFunction.scala:61",
        "Number of Tasks": tasks,
        "RDD Info": rdds,
        "Parent IDs": [],
        "Details": "org.apache.spark.rdd.RDD\n" * 10,
        **more,
        "Accumulables": [],
        "Resource Profile Id": 0,
    }


def task_events(tasks: int) -> Iterator[dict[str, Any] | str]:
    """A job per stage of 500 tasks; TaskEnd lines of about 4.6 kB, most of it Accumulables, as Spark SQL jobs have."""
    yield from _begin("app-benchmark-tasks")
    rng = random.Random(1)
    now, task = START + 1000, 0
    for stage in range((tasks + TASKS_PER_STAGE - 1) // TASKS_PER_STAGE):
        count = min(TASKS_PER_STAGE, tasks - task)
        yield {
            "Event": "SparkListenerJobStart",
            "Job ID": stage,
            "Submission Time": now,
            "Stage Infos": [_stage(stage, count)],
            "Stage IDs": [stage],
            "Properties": {"spark.sql.execution.id": "0"},
        }
        yield {
            "Event": "SparkListenerStageSubmitted",
            "Stage Info": _stage(stage, count, **{"Submission Time": now}),
            "Properties": {},
        }
        for index in range(count):
            yield from _task(stage, task, index, now + index * 3, rng)
            task += 1
        now += count * 3 + 2000
        yield {
            "Event": "SparkListenerStageCompleted",
            "Stage Info": _stage(stage, count, **{"Submission Time": now - 2000, "Completion Time": now}),
        }
        yield {
            "Event": "SparkListenerJobEnd",
            "Job ID": stage,
            "Completion Time": now,
            "Job Result": {"Result": "JobSucceeded"},
        }
    yield {"Event": "SparkListenerApplicationEnd", "Timestamp": now + 1}


_ACCUMULATORS = [
    ("number of output rows", "sql"),
    ("peak memory", "sql"),
    ("time in aggregation build", "sql"),
    ("data size", "sql"),
    ("shuffle bytes written", "sql"),
    ("shuffle records written", "sql"),
    ("shuffle write time", "sql"),
    ("duration", "sql"),
    ("internal.metrics.executorDeserializeTime", None),
    ("internal.metrics.executorDeserializeCpuTime", None),
    ("internal.metrics.executorRunTime", None),
    ("internal.metrics.executorCpuTime", None),
    ("internal.metrics.resultSize", None),
    ("internal.metrics.jvmGCTime", None),
    ("internal.metrics.peakExecutionMemory", None),
    ("internal.metrics.shuffle.write.bytesWritten", None),
    ("internal.metrics.shuffle.write.recordsWritten", None),
    ("internal.metrics.shuffle.write.writeTime", None),
    ("internal.metrics.shuffle.read.remoteBytesRead", None),
    ("internal.metrics.shuffle.read.recordsRead", None),
    ("internal.metrics.input.bytesRead", None),
    ("internal.metrics.input.recordsRead", None),
]


def _task(stage: int, task: int, index: int, launch: int, rng: random.Random) -> Iterator[str]:
    executor = rng.randrange(1, 9)
    run = rng.randrange(20, 2000)
    head = (
        f'"Task ID":{task},"Index":{index},"Attempt":0,"Partition ID":{index},"Launch Time":{launch},'
        f'"Executor ID":"{executor}","Host":"host-{executor}.cluster","Locality":"PROCESS_LOCAL","Speculative":false,'
        '"Getting Result Time":0'
    )
    yield (
        f'{{"Event":"SparkListenerTaskStart","Stage ID":{stage},"Stage Attempt ID":0,"Task Info":{{{head},'
        '"Finish Time":0,"Failed":false,"Killed":false,"Accumulables":[]}}\n'
    )
    accumulables = ",".join(
        f'{{"ID":{stage * 40 + n},"Name":"{name}","Update":"{rng.randrange(10**7)}","Value":"{rng.randrange(10**10)}",'
        '"Internal":true,"Count Failed Values":true,"Metadata":"sql"}'
        if kind
        else f'{{"ID":{stage * 40 + n},"Name":"{name}","Update":{rng.randrange(10**7)},"Value":{rng.randrange(10**10)},'
        '"Internal":true,"Count Failed Values":true}'
        for n, (name, kind) in enumerate(_ACCUMULATORS)
    )
    memory = ",".join(f'"{name}":{rng.randrange(10**9)}' for name in _MEMORY)
    yield (
        f'{{"Event":"SparkListenerTaskEnd","Stage ID":{stage},"Stage Attempt ID":0,"Task Type":"ShuffleMapTask",'
        f'"Task End Reason":{{"Reason":"Success"}},"Task Info":{{{head},"Finish Time":{launch + run + 5},'
        f'"Failed":false,"Killed":false,"Accumulables":[{accumulables}]}},"Task Executor Metrics":{{{memory}}},'
        f'"Task Metrics":{{"Executor Deserialize Time":2,"Executor Deserialize CPU Time":1500000,'
        f'"Executor Run Time":{run},"Executor CPU Time":{run * 900_000},"Peak Execution Memory":{rng.randrange(10**9)},'
        f'"Peak On Heap Execution Memory":0,"Peak Off Heap Execution Memory":0,"Result Size":2535,'
        f'"JVM GC Time":{run // 20},"Result Serialization Time":1,"Memory Bytes Spilled":0,"Disk Bytes Spilled":0,'
        f'"Shuffle Read Metrics":{{"Remote Blocks Fetched":10,"Local Blocks Fetched":3,"Fetch Wait Time":4,'
        f'"Remote Bytes Read":{rng.randrange(10**7)},"Remote Bytes Read To Disk":0,'
        f'"Local Bytes Read":{rng.randrange(10**6)},"Total Records Read":{rng.randrange(10**5)},'
        '"Remote Requests Duration":12,"Push Based Shuffle":{"Corrupt Merged Block Chunks":0,'
        '"Merged Fetch Fallback Count":0,"Merged Remote Blocks Fetched":0,"Merged Local Blocks Fetched":0,'
        '"Merged Remote Chunks Fetched":0,"Merged Local Chunks Fetched":0,"Merged Remote Bytes Read":0,'
        '"Merged Local Bytes Read":0,"Merged Remote Requests Duration":0}},'
        f'"Shuffle Write Metrics":{{"Shuffle Bytes Written":{rng.randrange(10**7)},"Shuffle Write Time":70463257,'
        f'"Shuffle Records Written":{rng.randrange(10**5)}}},"Input Metrics":{{"Bytes Read":0,"Records Read":50000}},'
        '"Output Metrics":{"Bytes Written":0,"Records Written":0},"Updated Blocks":[]}}\n'
    )


_MEMORY = (
    "JVMHeapMemory",
    "JVMOffHeapMemory",
    "OnHeapExecutionMemory",
    "OffHeapExecutionMemory",
    "OnHeapStorageMemory",
    "OffHeapStorageMemory",
    "OnHeapUnifiedMemory",
    "OffHeapUnifiedMemory",
    "DirectPoolMemory",
    "MappedPoolMemory",
    "ProcessTreeJVMVMemory",
    "ProcessTreeJVMRSSMemory",
    "ProcessTreePythonVMemory",
    "ProcessTreePythonRSSMemory",
    "ProcessTreeOtherVMemory",
    "ProcessTreeOtherRSSMemory",
    "MinorGCCount",
    "MinorGCTime",
    "MajorGCCount",
    "MajorGCTime",
    "TotalGCTime",
)


def sql_events(executions: int) -> Iterator[dict[str, Any]]:
    """SQL executions with large plans and no tasks to speak of: each about 100 kB, half of it the plan's text."""
    yield from _begin("app-benchmark-sql")
    for number in range(executions):
        at = START + 1000 + number * 50
        yield {
            "Event": _SQL + "Start",
            "executionId": number,
            "rootExecutionId": number,
            "description": f"query {number}",
            "details": "org.apache.spark.sql.Dataset.collect(Dataset.scala:1)\n" * 20,
            "physicalPlanDescription": "(1) Project\nOutput [2]: [id#0L, x#1]\n" * 1200,
            "sparkPlanInfo": _plan(60, number),
            "time": at,
            "modifiedConfigs": {},
        }
        yield {"Event": _SQL + "End", "executionId": number, "time": at + 40, "errorMessage": ""}
    yield {"Event": "SparkListenerApplicationEnd", "Timestamp": START + 2000 + executions * 50}


def _plan(depth: int, number: int) -> dict[str, Any]:
    node: dict[str, Any] = {
        "nodeName": "Scan parquet ",
        "simpleString": f"FileScan parquet [id#0L] Location: table_{number % 7}",
        "children": [],
        "metadata": {"Location": f"InMemoryFileIndex(1 paths)[s3://bucket/table_{number % 7}]", "Format": "Parquet"},
        "metrics": [],
    }
    for level in range(depth):
        metrics = [{"name": f"metric {n}", "accumulatorId": level * 10 + n, "metricType": "sum"} for n in range(8)]
        node = {
            "nodeName": "Project",
            "simpleString": "Project [id#0L, (x#1 + 1) AS y#2]" * 4,
            "children": [node],
            "metadata": {},
            "metrics": metrics,
        }
    return node


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tasks", type=int, default=200_000)
    parser.add_argument("--kind", choices=("tasks", "sql"), default="tasks")
    given = parser.parse_args()
    print(f"{write(given.out, given.tasks, given.kind):,} bytes")
