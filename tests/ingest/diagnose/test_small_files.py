"""Findings of scans of small files."""

import json

from tests.ingest.diagnose.builders import Made, task

_SCAN = "FileScan parquet [a#1] Batched: true, Format: Parquet, Location: InMemoryFileIndex(1 paths)[file:/data/small]"


def scanning(files: int, size: int, **columns: int) -> Made:
    """Two scans of one source after its files were listed."""
    work = Made(duration_ms=60_000)
    listing = "Listing leaf files and directories for 9 paths:<br/>file:/data/small/1"
    work.stage([1_000] * 4, job={"description": listing})
    for execution in range(2):
        stage = work.stage([task(2_000, input_records=1_000, **columns)] * 40)
        metrics = {"number of files read": files}
        description = f"{_SCAN}, PartitionFilters: [{execution}]"
        given = {"description": description, "data_bytes": files * size, "stage_ids": [stage], "metrics": metrics}
        work.node("Scan parquet", execution=execution, **given)
    return work


def test_many_small_files_are_one_finding_with_their_listing() -> None:
    row = scanning(3_000, 3_000).one("small_files")
    assert row["severity"] == "critical" and "3,000 files of 3 kB each in each of 2 scans" in row["message"]
    assert json.loads(row["figures"])["stages"] == ["0.0", "1.0", "2.0"]
    # each scan takes 80 s of run time, of which 60 s at most are for 3,000 files; 20 s of the stage's time, and 1 s
    assert row["cost_ms"] == 2 * 20_000 * 60 / 80 + 1_000


def test_the_work_on_the_records_is_not_the_files() -> None:
    assert scanning(3_000, 3_000).one("small_files")["cost_ms"] == 31_000
    work = scanning(3_000, 3_000)
    for row in work.rows["tasks"]:
        row["input_records"] = 1_500_000
    assert work.one("small_files")["cost_ms"] == 2 * 20_000 * 20 / 80 + 1_000


def test_few_or_large_files_are_none() -> None:
    assert scanning(100, 3_000).codes() == [] == scanning(3_000, 2_000_000).codes()


def test_tiny_tasks_of_small_files_are_the_same_finding() -> None:
    work = Made(duration_ms=60_000)
    stage = work.stage([task(20, executor_run_time_ms=15)] * 4_000)
    work.node(
        "Scan parquet",
        description=_SCAN,
        data_bytes=4_000_000,
        stage_ids=[stage],
        metrics={"number of files read": 4_000},
    )
    work.rows["tasks"][0]["executor_run_time_ms"] = 16
    assert work.codes() == ["small_files"]
    for row in work.rows["tasks"]:
        row["executor_run_time_ms"] = 2
    covered = {row["code"]: row["covered_by"] for row in work.findings() if row["level"] == "stage"}
    assert covered == {"small_files": None, "tiny_tasks": "small_files"}
