"""Which RDDs of a stage are sources, and which are persisted: what tells a first reading from one out of the cache."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from .. import arrow


def rdds_of_stages(rows: Mapping[str, pa.Table]) -> dict[int, dict[str, list[int]]]:
    """Stage id -> `source_rdd_ids` and `persisted_rdd_ids`, in order; by the first job that lists the stage."""
    rdds, listed = rows["rdds"], rows["job_stages"]
    if not len(rdds) or not len(listed):
        return {}
    rdd_ids = arrow.numbers(rdds, "rdd_id")
    _, parents = arrow.flattened(rdds, "parent_ids")
    wanted = {
        "source_rdd_ids": np.unique(rdd_ids[parents == 0]),
        # shown as not persisted by jobs before its persist and after its unpersist: once is enough
        "persisted_rdd_ids": np.unique(rdd_ids[arrow.numbers(rdds, "cached") & arrow.valid(rdds, "cached")]),
    }
    members, counts = arrow.flattened(listed, "rdd_ids")
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
