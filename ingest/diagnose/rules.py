"""The registry of rules. Every rule takes an application and yields candidates for the findings table."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pyarrow as pa

from ..application_view import ApplicationView
from . import (
    application,
    broadcasts,
    caching,
    data_movement,
    driver,
    executors,
    failed_jobs,
    failures,
    large_collects,
    late_filters,
    memory,
    parallelism,
    partitioning,
    planning,
    python_functions,
    recomputation,
    repeated_actions,
    repeated_lineage,
    row_multiplication,
    skew,
    small_files,
    small_outputs,
    speculation,
    trial_tasks,
    trials,
    wall_time,
    what_if,
)
from .ranking import Candidate, findings_table

_RULES: Sequence[Callable[[ApplicationView], Iterator[Candidate]]] = (
    memory.find,
    data_movement.find,
    speculation.find,
    partitioning.find,
    small_files.find,
    small_outputs.find,
    late_filters.find,
    caching.find,
    planning.find,
    row_multiplication.find,
    broadcasts.find,
    python_functions.find,
    repeated_lineage.find,
    repeated_actions.find,
    large_collects.find,
    failed_jobs.find,
    failures.find,
    trials.find,
    trial_tasks.find,
    recomputation.find,
    parallelism.find,
    wall_time.find,
    application.find,
    what_if.find,
)
# Findings whose cost is time in which most cores wait for a few others.
_BUSY_DRIVER = ("repeated_actions", "large_collect", "planning")
_LEAVE_IDLE = ("skew", "straggler", "slow_executor", "slow_host", "few_partitions")


def diagnose(app: ApplicationView) -> pa.Table:
    """The findings table of an application, most expensive first. Thresholds come from the view."""
    machines = list(executors.find(app)) if len(app) else []
    candidates = [*machines, *skew.find(app, frozenset(one.executor_id or "" for one in machines))]
    for rule in _RULES:
        candidates.extend(rule(app))
    candidates.extend(driver.find(app, sum(one.cost_ms or 0.0 for one in candidates if one.code in _BUSY_DRIVER)))
    waiting = [one for one in candidates if one.code in _LEAVE_IDLE and one.covered_by is None]
    candidates.extend(partitioning.find_idle(app, sum(one.cost_ms or 0.0 for one in waiting)))
    return findings_table(_covered(candidates), app)


def _covered(candidates: list[Candidate]) -> list[Candidate]:
    """Tiny tasks are a consequence of small files."""
    of_files = {key for one in candidates if one.code == "small_files" for key in one.figures["stages"]}
    return [
        replace(one, covered_by="small_files")
        if one.code == "tiny_tasks" and f"{one.stage_id}.{one.stage_attempt}" in of_files
        else one
        for one in candidates
    ]
