"""What a stage computes, as a hash: by it the same stage is found again in another run of the job."""

import hashlib
import re
from collections.abc import Mapping

import pyarrow as pa

# Folders, ids of RDDs, attributes and estimators, line numbers, generated names: what differs from one run, or one
# deployment, to the next.
_VARIES = re.compile(r"/(?:[\w.-]+/)+|(?<=_)[0-9a-f]{12}\b|\d+")


def plans_of_stages(rows: Mapping[str, pa.Table]) -> dict[int, str]:
    """Stage id -> hash of the names and call sites of its RDDs, in the order they were made; by the first job that
    lists the stage."""
    texts = {
        row["rdd_id"]: _VARIES.sub("", f"{row['name'] or ''} {row['callsite'] or ''}")
        for row in rows["rdds"].select(["rdd_id", "name", "callsite"]).to_pylist()
    }
    found: dict[int, str] = {}
    hashes: dict[tuple[str, ...], str] = {}
    for row in rows["job_stages"].select(["stage_id", "rdd_ids"]).to_pylist():
        if row["stage_id"] is not None and row["stage_id"] not in found and row["rdd_ids"]:
            parts = tuple(texts.get(rdd, "") for rdd in sorted(row["rdd_ids"]))
            if parts not in hashes:
                hashes[parts] = _hash(parts)
            found[row["stage_id"]] = hashes[parts]
    return found


def _hash(parts: tuple[str, ...]) -> str:
    return hashlib.blake2b("\n".join(parts).encode("utf-8", "replace"), digest_size=6).hexdigest()
