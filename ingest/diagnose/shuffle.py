"""Time that goes into moving data between stages."""

from collections.abc import Iterator

import numpy as np

from ..units import seconds, share, size
from .ranking import Found
from .work import Array, Work


def find(of: Work) -> Iterator[Found]:
    """Waiting for shuffle blocks, per stage; jobs that shuffle far more than they read."""
    if not len(of):
        return
    wait, run = of.sums(of.column("shuffle_fetch_wait_ms")), of.sums(of.column("executor_run_time_ms"))
    for stage in np.flatnonzero((run > 0) & (wait >= of.at("fetch_wait", "wait_ratio") * run)).tolist():
        yield Found(
            "fetch_wait",
            float(wait[stage] / of.at_once[stage]),
            message=f"{share(wait[stage] / run[stage])} of the run time of its tasks is waiting for shuffle blocks "
            f"({seconds(wait[stage] / 1e3)} of {seconds(run[stage] / 1e3)}).",
            figures={"wait_ms": wait[stage], "run_ms": run[stage], "ratio": wait[stage] / run[stage]},
            **of.key(stage),
        )
    yield from _large(of, wait)


def _large(of: Work, wait: Array) -> Iterator[Found]:
    written, read = of.sums(of.column("shuffle_write_bytes")), of.sums(of.column("input_bytes"))
    moving = (of.sums(of.column("shuffle_write_time_ns")) / 1e6 + wait) / of.at_once
    stages: dict[int, list[int]] = {}
    for number, row in enumerate(of.stages):
        if row["job_id"] is not None:
            stages.setdefault(row["job_id"], []).append(number)
    for job in of.jobs:
        own = stages.get(job["job_id"], [])
        out, into = float(written[own].sum()), float(read[own].sum())
        least = max(of.at("large_shuffle", "shuffle_bytes"), of.at("large_shuffle", "shuffle_ratio") * into)
        if not into or out < least:
            continue
        title = job["description"] or job["name"]
        yield Found(
            "large_shuffle",
            float(moving[own].sum()),
            f"job {job['job_id']}" + (f" · {title}" if title else ""),
            f"It shuffled {size(out)}, {out / into:.1f} times the {size(into)} that it read.",
            figures={"shuffle_write_bytes": out, "input_bytes": into, "ratio": out / into},
            job_id=job["job_id"],
        )
