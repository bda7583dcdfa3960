"""Find queries of so many operators that the driver's planning takes long."""

from collections.abc import Iterator

import numpy as np

from ..application_view import ApplicationView
from ..units import count, seconds
from .intervals import Span, clipped, covered, length, spans
from .ranking import Candidate


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return one finding about all large plans: the time without a task before and in their SQL executions.

    Building and analysing a data frame of many operators takes the driver's time before the execution begins."""
    large = [plan for plan in app.plans if len(plan.nodes) >= app.threshold("planning", "nodes")]
    if not large:
        return
    rows = {row["execution_id"]: row for row in app.tables["sql_executions"].to_pylist()}
    tasks = spans(app.column("launch_time_ms"), app.ended)
    ends = sorted({app.job_span(job)[1] for job in app.jobs})
    started = app.registered_ms + int(app.threshold("no_tasks_running", "startup_s") * 1e3)
    driver: dict[int, float] = {}
    counted: list[Span] = []
    for plan in large:
        row = rows.get(plan.execution_id)
        if row is None or row["submission_time_ms"] is None:
            continue
        begin = max((end for end in ends if end <= row["submission_time_ms"]), default=started)
        span = (begin, max(row["completion_time_ms"] or app.end_ms, begin))
        alone = clipped([span], app.start_ms, app.end_ms)
        driver[plan.execution_id] = length(alone) - covered(tasks, alone)
        counted.extend(alone)
    if not driver:
        return
    total = spans(*np.array(counted, np.int64).reshape(-1, 2).T)
    cost = length(total) - covered(tasks, total)
    worst = max(driver, key=lambda execution: driver[execution])
    nodes = max(len(plan.nodes) for plan in large)
    yield Candidate(
        "planning",
        float(cost),
        f"SQL execution {worst}" + (f" · {rows[worst]['description']}" if rows[worst]["description"] else ""),
        f"The driver built and planned {count(len(driver))} quer{'y' if len(driver) == 1 else 'ies'} of up to "
        f"{count(nodes)} operators, and no task ran for {seconds(cost / 1e3)} before and in "
        f"{'it' if len(driver) == 1 else 'them'}.",
        figures={"num_queries": len(driver), "nodes": nodes, "driver_ms": cost, "sql_execution_id": worst},
    )
