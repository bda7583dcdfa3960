"""Find time that is spent moving data between stages."""

from collections.abc import Iterator

import numpy as np

from ..application_view import ApplicationView
from ..arrow import Array
from ..units import seconds, share, size
from .ranking import Candidate, about_stage


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return stages that wait for shuffle blocks, and jobs that shuffle far more than they read."""
    if not len(app):
        return
    wait = app.sums(app.within_run_time("shuffle_fetch_wait_ms"))
    run = app.sums(app.column("executor_run_time_ms"))
    for stage in np.flatnonzero((run > 0) & (wait >= app.threshold("fetch_wait", "wait_ratio") * run)).tolist():
        yield Candidate(
            "fetch_wait",
            float(wait[stage] / app.at_once[stage]),
            message=f"Its tasks spent {share(wait[stage] / run[stage])} of their run time waiting for shuffle blocks "
            f"({seconds(wait[stage] / 1e3)} of {seconds(run[stage] / 1e3)}).",
            figures={"wait_ms": wait[stage], "run_ms": run[stage], "ratio": wait[stage] / run[stage]},
            **about_stage(app, stage),
        )
    yield from _large(app, wait)


def _large(app: ApplicationView, wait: Array) -> Iterator[Candidate]:
    written, read = app.sums(app.column("shuffle_write_bytes")), app.sums(app.column("input_bytes"))
    moving = (app.sums(app.column("shuffle_write_time_ns")) / 1e6 + wait) / app.at_once
    stages: dict[int, list[int]] = {}
    for number, row in enumerate(app.stages):
        if row["job_id"] is not None:
            stages.setdefault(row["job_id"], []).append(number)
    for job in app.jobs:
        own = stages.get(job["job_id"], [])
        out, into = float(written[own].sum()), float(read[own].sum())
        least = max(
            app.threshold("large_shuffle", "shuffle_bytes"), app.threshold("large_shuffle", "shuffle_ratio") * into
        )
        if not into or out < least:
            continue
        yield Candidate(
            "large_shuffle",
            float(moving[own].sum()),
            app.job_title(job),
            f"It shuffled {size(out)}, {out / into:.1f} times the {size(into)} that it read.",
            figures={"shuffle_write_bytes": out, "input_bytes": into, "ratio": out / into},
            job_id=job["job_id"],
        )
