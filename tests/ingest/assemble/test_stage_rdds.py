"""What the RDDs of a stage say: where it reads from the cache, and what Python workers compute."""

from typing import Any

import pyarrow as pa

from afterglow.ingest.arrow import from_rows
from afterglow.ingest.assemble.stage_rdds import assemble_cached_rdds, rdds_of_stages
from afterglow.schemas.events import JOB_STAGES, RDDS


def rows(rdds: dict[int, dict[str, Any]], stages: dict[int, list[int]]) -> dict[str, pa.Table]:
    defaults = {"parent_ids": [], "cached": False, "barrier": False}
    listed = [{"job_id": 0, "stage_id": stage, "rdd_ids": ids} for stage, ids in stages.items()]
    every = [{"rdd_id": rdd, **defaults, **values} for rdd, values in rdds.items()]
    return {
        "rdds": from_rows(RDDS.table, ([row.get(column.name) for column in RDDS.table] for row in every)),
        "job_stages": from_rows(JOB_STAGES.table, ([row.get(c.name) for c in JOB_STAGES.table] for row in listed)),
    }


SOURCE = {1: {"name": "FileScanRDD", "scope": "Scan csv"}}
PYTHON = {2: {"name": "MapPartitionsRDD", "scope": "BatchEvalPython", "parent_ids": [1]}}
CACHED = {3: {"name": "*(1) Project", "parent_ids": [2], "cached": True, "storage_level": "memory"}}


def operators(given: dict[str, pa.Table]) -> dict[int, Any]:
    return {stage: row["python_operators"] for stage, row in rdds_of_stages(given).items()}


def test_python_is_known_by_the_operator_and_by_the_rdd() -> None:
    rdd = {4: {"name": "PythonRDD", "scope": None, "parent_ids": [1]}}
    given = rows({**SOURCE, **PYTHON, **rdd}, {0: [1], 1: [1, 2], 2: [1, 4], 3: [1, 2, 4]})
    assert operators(given) == {0: [], 1: ["BatchEvalPython"], 2: ["PythonRDD"], 3: ["BatchEvalPython", "PythonRDD"]}


def test_only_the_stage_that_fills_a_cache_computes_what_is_below_it() -> None:
    above = {4: {"name": "PythonRDD", "parent_ids": [3]}}
    given = rows({**SOURCE, **PYTHON, **CACHED, **above}, {0: [1, 2, 3], 1: [1, 2, 3], 2: [1, 2, 3, 4]})
    assert operators(given) == {0: ["BatchEvalPython"], 1: [], 2: ["PythonRDD"]}


def test_cached_rdds_list_their_stages() -> None:
    given = rows({**SOURCE, **PYTHON, **CACHED}, {})
    stages = pa.table({"stage_id": [0, 1, 2], "persisted_rdd_ids": [[3], None, [3]]})
    (row,) = assemble_cached_rdds(given["rdds"], stages).to_pylist()
    assert (row["rdd_id"], row["storage_level"], row["stage_ids"]) == (3, "memory", [0, 2])
