"""Find results so large that the driver is busy with them."""

from collections.abc import Iterator

from ...schemas import spark
from ..application_view import ApplicationView
from ..units import seconds, size
from .ranking import Candidate, about_stage


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return findings about the last stages of jobs, whose results went to the driver.

    Fits, broadcasts and file listings collect on purpose and are left out. The driver's time ends when the next job or
    SQL execution begins."""
    results = app.sums(app.column("result_size_bytes"))
    begins = sorted(
        [app.job_span(job)[0] for job in app.jobs]
        + [row["submission_time_ms"] for row in app.tables["sql_executions"].to_pylist() if row["submission_time_ms"]]
    )
    running = [app.job_span(job) for job in app.jobs]
    for job in app.jobs:
        own = app.stages_of_job.get(job["job_id"], [])
        if not own or job["fit_uid"] or job["tuning_uid"] or job["estimator_class"] or app.is_batch(job):
            continue
        stage = own[-1]
        if (job["description"] or "").startswith((spark.LISTING_JOB, spark.BROADCAST_JOB)):
            continue
        if any(node.name == spark.BROADCAST_NODE for node in app.nodes_of_stage.get(app.stages[stage]["stage_id"], ())):
            continue  # Spark 4.3 describes the job of a broadcast as its query
        bytes_ = float(results[stage])
        if bytes_ < app.threshold("large_collect", "result_bytes"):
            continue
        _, end = app.job_span(job)
        if any(start < end < other for start, other in running):
            continue  # another job ran meanwhile: the driver did not wait
        until = next((begin for begin in begins if begin > end), app.end_ms)
        most = bytes_ / app.threshold("large_collect", "driver_bytes_per_s") * 1e3
        alone = min(float(until - end), most)
        yield Candidate(
            "large_collect",
            alone,
            message=f"Its {size(bytes_)} of results went to the driver, which then worked alone for "
            f"{seconds((until - end) / 1e3)}.",
            figures={"result_bytes": bytes_, "driver_ms": until - end, "job_id": job["job_id"]},
            driver_ms=alone,
            **{**about_stage(app, stage), "group": None},
        )
