"""Read the runs of recurring jobs from a Parquet dataset; see dataset.py for its layout."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from ..schemas import spark
from ..schemas.findings import FINDING_CODES
from ..schemas.job_history import CORE_HOURS, COST, DURATION, MAX_INPUT, METRICS, PYTHON, JobRun
from ..schemas.prices import PriceList, Rate
from ..schemas.task_metrics import TASK_COLUMNS
from .errors import InputError
from .filesystems import file_system
from .job_name import find_job
from .orchestrators import find_orchestrator_runs, orchestrator_fields
from .prices import find_rate
from .storage_errors import explain

Row = Mapping[str, Any]

# metric, column of stages, factor
_SUMS = tuple(
    (column.metric.name, column.name, column.metric.factor)
    for column in TASK_COLUMNS
    if column.metric is not None and column.metric.name in METRICS
)


def dataset_job_runs(uri: str, prices: PriceList | None = None) -> Iterator[JobRun]:
    """The applications below `uri` that have a job. With `prices` those whose executors are known have a cost.

    Raises:
        InputError: there is no dataset, or it cannot be read.
    """
    applications = _rows(uri, "applications", None)
    if not applications:
        raise InputError(f"{uri}: no applications; name the URI that --dataset was set to")
    properties = _grouped(_rows(uri, "properties", ["key", "value"]))
    stages = _grouped(_rows(uri, "stages", ["plan_hash", *{*(column for _, column, _ in _SUMS), *MAX_INPUT.values()}]))
    findings = _grouped(_rows(uri, "findings", ["code", "severity", "cost_ms", "covered_by", "figures"]))
    executors = _grouped(_rows(uri, "executors", ["cores", "add_time_ms", "remove_time_ms"]))
    statuses = _grouped(_rows(uri, "jobs", ["job_id", "status"]))
    for row in applications:
        at = row["application"]
        own = {one["key"]: one["value"] for one in properties.get(at, ()) if one["value"] is not None}
        orchestrators = find_orchestrator_runs(own)
        of_stages = stages.get(at, [])
        job = find_job(row["name"], orchestrators, (stage["plan_hash"] for stage in of_stages))
        if job is None:
            continue
        start = row["start_time_ms"] or 0
        end = max(row["end_time_ms"] or row["last_event_time_ms"] or start, start)
        metrics = {name: factor * sum(stage[column] or 0 for stage in of_stages) for name, column, factor in _SUMS}
        metrics |= {
            name: max((stage[column] or 0 for stage in of_stages), default=0) for name, column in MAX_INPUT.items()
        }
        metrics[DURATION] = (end - start) / 1e3
        core_ms = sum(_core_ms(one, start, end) for one in executors.get(at, ()))
        metrics[CORE_HOURS] = core_ms / 3.6e6
        rate = None if prices is None else _rate(prices, row, own, executors.get(at, ()))
        if rate is not None and core_ms:
            metrics[COST] = core_ms * rate.core_ms + (end - start) * rate.driver_ms
        metrics[PYTHON] = _python_s(findings.get(at, []))
        yield JobRun(
            job.name,
            row["app_id"],
            row["app_attempt"],
            row["name"] or row["app_id"],
            start,
            _status(row, own, statuses.get(at, [])),
            row["completeness"],
            {name: value for name, value in metrics.items() if value},
            _severities(findings.get(at, [])),
            orchestrators=orchestrator_fields(orchestrators),
            currency=rate.currency if rate is not None and COST in metrics else "",
        )


def _rows(uri: str, table: str, columns: list[str] | None) -> list[Row]:
    """The rows of a table with the partition column `application`; empty where no application has one."""
    import pyarrow.dataset as ds

    system, root = file_system(uri)
    folder = f"{root.rstrip('/')}/{table}"
    try:
        if system.get_file_info(folder).type.name != "Directory":
            return []
        partitioning = ds.partitioning(pa.schema([("date", pa.string()), ("application", pa.string())]), flavor="hive")
        found = ds.dataset(folder, filesystem=system, format="parquet", partitioning=partitioning)
        rows: list[Row] = found.to_table(None if columns is None else [*columns, "application"]).to_pylist()
        return rows
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{uri}: the table {table} cannot be read: {explain(error)}") from error


def _grouped(rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["application"], []).append(row)
    return found


def _core_ms(executor: Row, start: int, end: int) -> float:
    begin, until = max(executor["add_time_ms"] or start, start), min(executor["remove_time_ms"] or end, end)
    return float(max(until - begin, 0) * (executor["cores"] or 0))


def _rate(prices: PriceList, row: Row, properties: Mapping[str, str], executors: Sequence[Row]) -> Rate | None:
    """As derive.costs."""
    cores = [one["cores"] for one in executors if one["cores"]]
    is_local = (row["master"] or "").startswith("local")
    return find_rate(prices, properties, sum(cores) / len(cores) if cores else 1.0, is_local)


def _status(row: Row, properties: Mapping[str, str], jobs: list[Row]) -> str:
    """As ApplicationView.state."""
    if row["completeness"] == "in_progress":
        return "RUNNING"
    if row["completed"]:
        return "FAILED" if row["exit_code"] else "FINISHED"
    if not spark.is_databricks(properties) or not jobs or any(job["status"] == "RUNNING" for job in jobs):
        return "KILLED"
    return "FAILED" if max(jobs, key=lambda job: job["job_id"])["status"] == "FAILED" else "FINISHED"


def _severities(findings: list[Row]) -> dict[str, str]:
    costly = sorted(findings, key=lambda row: -(row["cost_ms"] or 0))
    shown = [
        row
        for row in costly
        if row["covered_by"] is None and row["severity"] != "note" and not FINDING_CODES[row["code"]].informational
    ]
    return {row["code"]: row["severity"] for row in reversed(shown)}


def _python_s(findings: list[Row]) -> float:
    figures = next((row["figures"] for row in findings if row["code"] == "wall_time"), None)
    return float(json.loads(figures).get("python_ms", 0)) / 1e3 if figures else 0.0
