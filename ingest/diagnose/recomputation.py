"""Find searches that recompute their data from the source."""

from collections.abc import Iterator

import numpy as np

from ..application_view import ApplicationView
from ..units import count, seconds
from .ranking import Candidate, confidence_of

_MLLIB = "mllib"


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return at most one finding per search. A stage reads its source if none of its RDDs was persisted before."""
    tunings = {row["tuning_uid"]: row for row in app.tables["tunings"].to_pylist()}
    if not tunings:
        return
    # where a trial is one Spark task, as in Hyperopt and joblib, a job ships the data of a trial and reads no source
    searching = {
        job["job_id"]: job["tuning_uid"]
        for job in app.jobs
        if job["tuning_uid"] in tunings
        and (job["estimator_class"] or tunings[job["tuning_uid"]]["framework"] == _MLLIB)
    }
    spans = [app.span(stage) for stage in range(len(app.stages))]
    there: set[int] = set()
    reading: dict[str, list[int]] = {}
    resting: dict[str, list[int]] = {}
    for stage in sorted(range(len(spans)), key=lambda number: spans[number]):
        row = app.stages[stage]
        persisted = row["persisted_rdd_ids"] or []
        uid = searching.get(row["job_id"])
        if uid is not None and row["source_rdd_ids"]:
            (resting if any(rdd in there for rdd in persisted) else reading).setdefault(uid, []).append(stage)
        there.update(persisted)
    for uid, stages in reading.items():
        jobs = {app.stages[stage]["job_id"] for stage in stages}
        if len(jobs) < app.threshold("not_cached", "reads"):
            continue
        took = np.array([spans[stage][1] - spans[stage][0] for stage in stages])
        rest = [spans[stage][1] - spans[stage][0] for stage in resting.get(uid, [])]
        typical = float(np.median(rest)) if rest else 0.0
        again = float(np.maximum(np.delete(took, took.argmax()) - typical, 0).sum())
        yield Candidate(
            "not_cached",
            again / max(tunings[uid]["parallelism"] or 1, 1),
            f"tuning {uid}",
            f"{count(len(jobs))} of its jobs computed their data from the source, for {seconds(took.sum() / 1e3)}"
            + (f"; a stage that reads persisted data took {seconds(typical / 1e3)}." if rest else "."),
            figures={"num_reads": len(jobs), "reads_ms": float(took.sum()), "persisted_stage_ms": typical}
            | {"stages": [f"{app.stages[s]['stage_id']}.{app.stages[s]['stage_attempt']}" for s in stages[:50]]},
            tuning_uid=uid,
            confidence=confidence_of(tunings[uid]),
        )


def first_touches(app: ApplicationView) -> dict[int, int]:
    """Job id -> ms of its stages that were the first to use a persisted RDD, and so computed it."""
    there: set[int] = set()
    found: dict[int, int] = {}
    spans = [app.span(stage) for stage in range(len(app.stages))]
    for stage in sorted(range(len(spans)), key=lambda number: spans[number]):
        row = app.stages[stage]
        if row["job_id"] is not None and any(rdd not in there for rdd in row["persisted_rdd_ids"] or ()):
            start, end = spans[stage]
            found[row["job_id"]] = found.get(row["job_id"], 0) + end - start
        there.update(row["persisted_rdd_ids"] or ())
    return found
