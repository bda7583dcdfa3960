"""Logs in ../shared that hold the same events in other containers: their tables must be equal.

    python -m tests.shared_checks [FOLDER]

- One log of Spark's, written anew in every codec: equal but for the file's name.
- Five runs of one job, each with another codec of Spark's: equal but for what is a run's own, see `OWN`.
- A Databricks folder (gzip and plain) and a rolling one (zstd) with the same events: equal but for the files' names.

It exits 1 on a difference. Where the folder is missing it says that nothing was compared.
"""

import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import read_log

from .property.corruptions import CONTAINERS

CODECS = ("lz4", "snappy", "lzf", "zstd")
Tables = Mapping[str, list[dict[str, Any]]]

FILES = {"applications": {"log_files"}}
# Every column of times (`_ms`, `_ns`) is a run's own, too. A task's result holds the accumulators that are not 0, of
# which some are times; which of two waiting tasks gets the next id depends on which core is free.
OWN = {
    "applications": {"app_id", "name", "log_files"},
    "jobs": {"tags"},
    "stages": {"result_size_bytes"},
    "tasks": {"task_id", "result_size_bytes"},
}
OWN_PROPERTIES = {
    "spark.app.id",
    "spark.app.name",
    "spark.app.startTime",
    "spark.app.submitTime",
    "spark.driver.port",
    "spark.eventLog.compress",
    "spark.eventLog.compression.codec",
    "spark.eventLog.dir",
    "spark.eventLog.rolling.enabled",
}
# Of a metric of times every value is a run's own; of any other, which of several equal tasks has the greatest value.
_PLACE = {"max_stage_id", "max_stage_attempt", "max_task_id"}
_OF_TIMES = {"total", "min", "median", "max", *_PLACE}
# Polled memory, and what is said of times: nothing in them is of the job alone.
MEASURED = ("executor_metrics", "findings")
# Two tasks that fail side by side until one of them did so three times: how far the other one came is chance.
FAILING_STAGE, FAILING_JOB = 8, 5
OF_FAILING = {"num_failed_tasks", "num_killed_tasks"}
_TIME = re.compile(r"_(?:ms|ns)$")
_FOLDERS = re.compile(r"/(?:[\w.-]+/)+")  # the jobs lay in different folders, which are in stacks and names


def read(path: Path) -> Tables:
    """The rows of a log's tables."""
    (log,) = find_logs([str(path)])
    return {name: table.to_pylist() for name, table in read_log(log).tables.items()}


def without(tables: Tables, columns: Mapping[str, set[str]]) -> Tables:
    """Tables without these columns."""
    return {name: [_less(row, columns.get(name, set())) for row in rows] for name, rows in tables.items()}


def of_any_run(tables: Tables) -> Tables:
    """What must be the same in every run of the job."""
    found = {
        name: [{c: _text(value) for c, value in row.items() if not _TIME.search(c)} for row in rows]
        for name, rows in without(tables, OWN).items()
    }
    for measured in MEASURED:
        del found[measured]
    found["tasks"] = sorted(
        (row for row in found["tasks"] if row["stage_id"] != FAILING_STAGE),
        key=lambda row: (row["stage_id"], row["stage_attempt"], row["index"], row["attempt"]),
    )
    found["stages"] = [_less(r, OF_FAILING if r["stage_id"] == FAILING_STAGE else set()) for r in found["stages"]]
    found["jobs"] = [_less(row, OF_FAILING if row["job_id"] == FAILING_JOB else set()) for row in found["jobs"]]
    found["sql_metrics"] = [_less(row, _OF_TIMES if "iming" in row["type"] else _PLACE) for row in found["sql_metrics"]]
    found["issues"] = [row for row in found["issues"] if row["code"] != "tasks_unfinished"]
    found["properties"] = [row for row in found["properties"] if row["key"] not in OWN_PROPERTIES]
    return found


def differences(one: Tables, other: Tables) -> Iterator[str]:
    """One line for every table that differs."""
    for name in {**one, **other}:
        rows, others = one.get(name, []), other.get(name, [])
        if len(rows) != len(others):
            yield f"{name}: {len(rows)} rows and {len(others)}"
        for number, (row, its) in enumerate(zip(rows, others, strict=False)):
            odd = [f"{c} {row.get(c)!r} and {its.get(c)!r}" for c in {**row, **its} if row.get(c) != its.get(c)]
            if odd:
                yield f"{name}, row {number}: {', '.join(odd)}"[:300]
                break


def _less(row: Mapping[str, Any], columns: set[str]) -> dict[str, Any]:
    return {column: value for column, value in row.items() if column not in columns}


def _text(value: Any) -> Any:
    return _FOLDERS.sub("", value) if isinstance(value, str) else value


def _written_anew(plain: Path, folder: Path) -> Iterator[tuple[str, Tables]]:
    text = plain.read_bytes()
    for name, container in CONTAINERS.items():
        if container is not None:
            pieces = [text[at : at + 32_768] for at in range(0, len(text), 32_768)]
            path = folder / name / plain.name
            path.parent.mkdir()
            path.write_bytes(container.write(pieces)[0])
            yield name, read(path)


def comparisons(logs: Path) -> Iterator[tuple[str, Tables, Tables]]:
    """What is compared: a name, and tables that must be equal."""
    (plain,) = (path for path in (logs / "codecs/plain").iterdir() if path.is_file())
    original = read(plain)
    with tempfile.TemporaryDirectory() as scratch:
        for name, tables in _written_anew(plain, Path(scratch)):
            yield f"codecs/plain written as {name}", without(original, FILES), without(tables, FILES)
    for name in CODECS:
        yield f"codecs/plain and codecs/{name}", of_any_run(original), of_any_run(read(logs / "codecs" / name))
    databricks, rolling = read(logs / "databricks"), read(logs / "eventlog_v2_local-1623876083964")
    yield "databricks and rolling", without(databricks, FILES), without(rolling, FILES)


def main() -> int:
    """Runs; the exit code."""
    logs = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared") / "logs"
    if not logs.is_dir():
        print(f"{logs}: not there, nothing was compared")
        return 0
    wrong = 0
    for name, one, other in comparisons(logs):
        found = list(differences(one, other))
        figures = sum(len(row) for rows in one.values() for row in rows)
        print(f"{name}: " + (f"{len(found)} tables differ" if found else f"{figures:,} figures equal"))
        print(*(f"  {line}" for line in found), sep="\n", end="\n" if found else "")
        wrong += bool(found)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
