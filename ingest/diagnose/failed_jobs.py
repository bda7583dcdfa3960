"""Find failed jobs and their root causes."""

import re
from collections import Counter
from collections.abc import Iterator

import numpy as np

from ...schemas import spark
from ..application_view import ApplicationView
from ..task_arrays import Row
from ..units import count, seconds
from .failure_reasons import failure_reasons, same_reason, shorten
from .intervals import length, spans
from .ranking import Candidate


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return one finding per root cause, about the first job that failed for it, and one for a failed application.

    Cancelled jobs are not counted."""
    yield from _application(app)
    dead: dict[tuple[str, str], list[tuple[Row, str]]] = {}
    for job in app.jobs:
        if job["status"] != "FAILED" or re.search(spark.CANCELLED_JOB, job["failure_reason"] or ""):
            continue
        reason = _root_cause(app, job) or job["failure_reason"] or ""
        dead.setdefault((_cause(reason), same_reason(reason)), []).append((job, reason))
    for (cause, _), jobs in dead.items():
        times = np.array([app.job_span(job) for job, _ in jobs], np.int64)
        lost = length(spans(times[:, 0], times[:, 1]))
        more = len(jobs) - 1
        others = f" {count(more)} more job{'' if more == 1 else 's'} failed for the same reason." if more else ""
        job, reason = jobs[0]
        yield Candidate(
            "job_failed",
            float(lost),
            app.job_title(job),
            f"The job failed after {seconds((times[0][1] - times[0][0]) / 1e3)}: "
            f"{shorten(reason) or 'no reason given'}.{others}",
            cause,
            {"num_jobs": len(jobs), "lost_ms": lost, "reason": shorten(reason)},
            job_id=job["job_id"],
        )


def _application(app: ApplicationView) -> Iterator[Candidate]:
    code = app.application["exit_code"]
    if not code:
        return
    failed = [job for job in app.jobs if job["status"] == "FAILED"]
    last = f" Its last failed job was {app.job_title(failed[-1])}." if failed else " None of its jobs failed."
    yield Candidate(
        "application_failed",
        0.0,
        f"application {app.title}",
        f"The driver ended with exit code {code} after {seconds(app.duration_ms / 1e3)}.{last}",
        figures={"exit_code": code, "num_failed_jobs": len(failed)},
    )


def _root_cause(app: ApplicationView, job: Row) -> str | None:
    """The most frequent failure reason among the tasks of a failed job's stages."""
    stages = [i for i in app.stages_of_job.get(job["job_id"], []) if app.stages[i]["status"] == "FAILED"]
    rows = np.array([row for stage in stages for row in app.rows(stage).tolist()], np.int64)
    failed = failure_reasons(app, rows[app.with_status("FAILED")[rows]])
    if not any(failed):
        return None
    pattern = Counter(map(same_reason, filter(None, failed))).most_common(1)[0][0]
    return next(reason for reason in failed if same_reason(reason) == pattern)


def _cause(reason: str) -> str:
    if re.search(spark.OUT_OF_MEMORY, reason):
        return "out of memory"
    if re.search(spark.LOST_EXECUTOR, reason):
        return "executor lost"
    return "exception" if reason else "unknown"
