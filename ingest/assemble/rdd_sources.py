"""Which RDDs of a stage are sources, and which are persisted: what tells a first reading from one out of the cache."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from .. import arrow
from ..arrow import Array


def rdds_of_stages(rows: Mapping[str, pa.Table]) -> dict[int, dict[str, list[int]]]:
    """Stage id -> `source_rdd_ids` and `persisted_rdd_ids`, in order; by the first job that lists the stage."""
    rdds, listed = rows["rdds"], rows["job_stages"]
    if not len(rdds) or not len(listed):
        return {}
    rdd_ids = arrow.numbers(rdds, "rdd_id")
    _, parents = _flat(rdds, "parent_ids")
    wanted = {
        "source_rdd_ids": np.unique(rdd_ids[parents == 0]),
        # shown as not persisted by jobs before its persist and after its unpersist: once is enough
        "persisted_rdd_ids": np.unique(rdd_ids[arrow.numbers(rdds, "cached") & arrow.valid(rdds, "cached")]),
    }
    members, counts = _flat(listed, "rdd_ids")
    stage_of = np.repeat(arrow.numbers(listed, "stage_id"), counts)
    known = arrow.valid(listed, "stage_id")
    found: dict[int, dict[str, list[int]]] = {
        stage: {name: [] for name in wanted} for stage in arrow.numbers(listed, "stage_id")[known].tolist()
    }
    for name, ids in wanted.items():
        at = np.isin(members, ids) & np.repeat(known, counts)
        pairs = np.unique(np.stack([stage_of[at], members[at]], axis=1), axis=0)
        for stage, rdd in pairs.tolist():
            found[stage][name].append(rdd)
    return found


def _flat(table: pa.Table, column: str) -> tuple[Array, Array]:
    """The members of a list column one after the other, and how many each row has; null is an empty list."""
    lists = table[column].combine_chunks()
    chunks = lists.chunks if hasattr(lists, "chunks") else [lists]
    members, counts = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for chunk in chunks:
        offsets = np.frombuffer(chunk.buffers()[1], np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
        values = chunk.values
        data = np.frombuffer(values.buffers()[1], np.int64)[values.offset : values.offset + len(values)]
        members.append(data[offsets[0] : offsets[-1]] if len(offsets) else data[:0])
        counts.append(np.diff(offsets))
    return np.concatenate(members), np.concatenate(counts)
