"""Which RDDs of a stage are sources and which are persisted, and which of its operators run Python functions."""

from collections.abc import Collection, Mapping

import numpy as np
import pyarrow as pa

from ...schemas import spark
from ...schemas.tables import CACHED_RDDS
from .. import arrow

_NAME = 300
_COPIED = ("callsite", "storage_level", "num_partitions")


def rdds_of_stages(rows: Mapping[str, pa.Table]) -> dict[int, dict[str, list[int] | list[str]]]:
    """Stage id -> `source_rdd_ids`, `persisted_rdd_ids` and `python_operators`, in order; by the first job that lists
    the stage."""
    rdds, listed = rows["rdds"], rows["job_stages"]
    if not len(rdds) or not len(listed):
        return {}
    rdd_ids = arrow.numbers(rdds, "rdd_id")
    _, parents = arrow.flattened(rdds, "parent_ids")
    python = _python_operators(rdds)
    wanted = {
        "source_rdd_ids": np.unique(rdd_ids[parents == 0]),
        # shown as not persisted by jobs before its persist and after its unpersist: once is enough
        "persisted_rdd_ids": np.unique(rdd_ids[arrow.numbers(rdds, "cached") & arrow.valid(rdds, "cached")]),
        "python_operators": np.array(sorted(python), np.int64),
    }
    members, counts = arrow.flattened(listed, "rdd_ids")
    stage_of = np.repeat(arrow.numbers(listed, "stage_id"), counts)
    known = arrow.valid(listed, "stage_id")
    found: dict[int, dict[str, list[int]]] = {
        stage: {name: [] for name in wanted} for stage in arrow.numbers(listed, "stage_id")[known].tolist()
    }
    for name, ids in wanted.items():
        at = np.isin(members, ids) & np.repeat(known, counts)
        for stage, rdd in sorted(set(zip(stage_of[at].tolist(), members[at].tolist(), strict=True))):
            found[stage][name].append(rdd)
    return _with_operators(found, python, rdds)


def assemble_cached_rdds(rdds: pa.Table, stages: pa.Table) -> pa.Table:
    """The table of the RDDs that jobs persist, by id."""
    used: dict[int, set[int]] = {}
    for stage, persisted in zip(stages["stage_id"].to_pylist(), stages["persisted_rdd_ids"].to_pylist(), strict=True):
        for rdd in persisted or ():
            used.setdefault(rdd, set()).add(stage)
    cached = {row["rdd_id"]: row for row in rdds.to_pylist() if row["cached"]} if used else {}
    return arrow.from_rows(
        CACHED_RDDS,
        (
            (
                rdd,
                (row["name"] or "")[:_NAME] or None,
                row["callsite"],
                row["storage_level"],
                row["num_partitions"],
                sorted(used[rdd]),
            )
            for rdd, row in sorted(cached.items())
            if rdd in used
        ),
    )


def _python_operators(rdds: pa.Table) -> dict[int, str]:
    """RDD id -> the operator of a plan that made it, or PythonRDD, where Python workers compute it."""
    found = {}
    for rdd, name, scope in zip(*(rdds[column].to_pylist() for column in ("rdd_id", "name", "scope")), strict=True):
        if scope and spark.PYTHON_NODE.search(scope):
            found[rdd] = scope
        elif name == spark.PYTHON_RDD:
            found[rdd] = name
    return found


def _with_operators(
    found: Mapping[int, dict[str, list[int]]], python: Mapping[int, str], rdds: pa.Table
) -> dict[int, dict[str, list[int] | list[str]]]:
    """The same with the names of Python operators for their RDDs, without those whose result the stage reads from a
    persisted RDD. The first stage of a persisted RDD computes it."""
    parents: dict[int, list[int]] = {}
    if python:
        parents = dict(zip(rdds["rdd_id"].to_pylist(), rdds["parent_ids"].to_pylist(), strict=True))
    computed: set[int] = set()
    named: dict[int, dict[str, list[int] | list[str]]] = {}
    for stage, row in sorted(found.items()):
        read = [rdd for rdd in row["persisted_rdd_ids"] if rdd in computed]
        computed.update(row["persisted_rdd_ids"])
        own = row["python_operators"]
        if own and read:
            replaced = _ancestors(read, parents)
            own = [rdd for rdd in own if rdd not in replaced]
        named[stage] = {**row, "python_operators": sorted({python[rdd] for rdd in own})}
    return named


def _ancestors(rdds: Collection[int], parents: Mapping[int, Collection[int] | None]) -> set[int]:
    """These RDDs and what they are computed from."""
    found, pending = set(rdds), list(rdds)
    while pending:
        for parent in parents.get(pending.pop()) or ():
            if parent not in found:
                found.add(parent)
                pending.append(parent)
    return found
