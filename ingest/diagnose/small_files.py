"""Find scans whose files are so small that opening them takes most of the time."""

import re
from collections.abc import Iterator

from ...schemas import spark
from ..application_view import ApplicationView
from ..query_plans import FILES_READ, PlanNode, QueryPlan
from ..units import count, seconds, share, size
from .late_filters import source
from .ranking import Candidate, about_stage


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return one finding per data source, about all scans of it and the jobs that listed its files."""
    scans: dict[str, list[tuple[QueryPlan, PlanNode]]] = {}
    for plan in app.plans:
        for node in plan:
            if node.name.startswith(spark.SCAN_NODES) and _is_small(app, node):
                scans.setdefault(source(node), []).append((plan, node))
    for of_source in scans.values():
        yield from _of_source(app, of_source)


def _is_small(app: ApplicationView, node: PlanNode) -> bool:
    files = node.metrics.get(FILES_READ, 0)
    mean = (node.bytes or 0) / max(files, 1)
    return (
        files >= app.threshold("small_files", "files")
        and node.bytes is not None
        and mean <= app.threshold("small_files", "file_bytes")
    )


def _of_source(app: ApplicationView, scans: list[tuple[QueryPlan, PlanNode]]) -> Iterator[Candidate]:
    run, rows_read = app.sums(app.column("executor_run_time_ms")), app.sums(app.column("input_records"))
    spent: dict[int, float] = {}
    for plan, node in scans:
        for stage_id in plan.stages_of(node):
            for stage in app.stages_by_id.get(stage_id, ()):
                work = float(rows_read[stage]) / app.threshold("small_files", "records_per_s") * 1e3
                opening = min(
                    max(float(run[stage]) - work, 0.0),
                    node.metrics[FILES_READ] * app.threshold("small_files", "file_s") * 1e3,
                )
                start, end = app.span(stage)
                spent[stage] = spent.get(stage, 0.0) + opening / max(float(run[stage]), 1.0) * (end - start)
    if not spent:
        return
    listing = _listing(app, scans[0][1])
    cost = sum(spent.values()) + sum(listing.values())
    worst = max(spent, key=lambda stage: spent[stage])
    node = max((one for _, one in scans), key=lambda one: one.metrics[FILES_READ])
    files, read = node.metrics[FILES_READ], node.bytes or 0
    listed = f"; listing them took {seconds(sum(listing.values()) / 1e3)}" if listing else ""
    more = "" if len(scans) == 1 else f" in each of {count(len(scans))} scans"
    total = sum(end - start for start, end in (app.span(stage) for stage in spent))
    yield Candidate(
        "small_files",
        cost,
        message=f"It read {count(files)} files of {size(read / files)} each{more}. Opening them took most of the "
        f"stage{'' if len(spent) == 1 else 's'}' time ({share(min(sum(spent.values()) / max(total, 1), 1.0))} of "
        f"{seconds(total / 1e3)}){listed}.",
        figures={
            "num_files": files,
            "bytes": read,
            "num_scans": len(scans),
            "listing_ms": sum(listing.values()),
            "stages": [app.stage_identity(stage) for stage in sorted((*spent, *listing))][:50],
            "node_id": node.node_id,
            "sql_execution_id": node.execution_id,
        },
        stages=tuple(sorted((*spent, *listing))),
        **{**about_stage(app, worst), "group": None},
    )


def _listing(app: ApplicationView, node: PlanNode) -> dict[int, float]:
    """The stages that listed the files of a scan, and how long they took in ms."""
    path = re.search(r"Location: \w+(?:\(\d+ paths\))?\[([^,\]]+)", node.description)
    found: dict[int, float] = {}
    for job in app.jobs if path else ():
        description = job["description"] or ""
        if description.startswith(spark.LISTING_JOB) and path and path[1].removesuffix("...") in description:
            for stage in app.stages_of_job.get(job["job_id"], []):
                start, end = app.span(stage)
                found[stage] = float(end - start)
    return found
