"""Searches whose data are computed from their source again and again."""

from collections.abc import Iterator

import numpy as np

from ..units import count, seconds
from .ranking import Found
from .work import Work


def find(of: Work) -> Iterator[Found]:
    """At most one per search. A stage reads its source where no persisted RDD of it was there before."""
    tunings = {row["tuning_uid"]: row for row in of.tables["tunings"].to_pylist()}
    if not tunings:
        return
    searching = {job["job_id"]: job["tuning_uid"] for job in of.jobs if job["tuning_uid"]}
    spans = [of.span(stage) for stage in range(len(of.stages))]
    there: set[int] = set()
    reading: dict[str, list[int]] = {}
    resting: dict[str, list[int]] = {}
    for stage in sorted(range(len(spans)), key=lambda number: spans[number]):
        row = of.stages[stage]
        persisted = row["persisted_rdd_ids"] or []
        uid = searching.get(row["job_id"])
        if uid is not None and row["source_rdd_ids"]:
            (resting if any(rdd in there for rdd in persisted) else reading).setdefault(uid, []).append(stage)
        there.update(persisted)
    for uid, stages in reading.items():
        jobs = {of.stages[stage]["job_id"] for stage in stages}
        if len(jobs) < of.at("not_cached", "reads"):
            continue
        took = np.array([spans[stage][1] - spans[stage][0] for stage in stages])
        rest = [spans[stage][1] - spans[stage][0] for stage in resting.get(uid, [])]
        typical = float(np.median(rest)) if rest else 0.0
        again = float(np.maximum(np.delete(took, took.argmax()) - typical, 0).sum())
        yield Found(
            "not_cached",
            again / max(tunings[uid]["parallelism"] or 1, 1),
            f"tuning {uid}",
            f"{count(len(jobs))} of its jobs computed their data from the source, for {seconds(took.sum() / 1e3)}; "
            f"what "
            f"is persisted took {seconds(typical / 1e3)} a stage.",
            figures={"num_reads": len(jobs), "reads_ms": float(took.sum()), "persisted_stage_ms": typical}
            | {"stages": [f"{of.stages[s]['stage_id']}.{of.stages[s]['stage_attempt']}" for s in stages[:50]]},
            tuning_uid=uid,
        )


def first_touches(of: Work) -> dict[int, int]:
    """Job id -> ms of its stages that met a persisted RDD for the first time in the application, and so computed it."""
    there: set[int] = set()
    found: dict[int, int] = {}
    spans = [of.span(stage) for stage in range(len(of.stages))]
    for stage in sorted(range(len(spans)), key=lambda number: spans[number]):
        row = of.stages[stage]
        if row["job_id"] is not None and any(rdd not in there for rdd in row["persisted_rdd_ids"] or ()):
            start, end = spans[stage]
            found[row["job_id"]] = found.get(row["job_id"], 0) + end - start
        there.update(row["persisted_rdd_ids"] or ())
    return found
