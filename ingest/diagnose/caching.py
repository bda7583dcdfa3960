"""Find persisted data that no later action reads, or that had to be computed again."""

import re
from collections.abc import Iterator

import numpy as np

from ...schemas import spark
from ..application_view import ApplicationView
from ..units import count, seconds
from .ranking import Candidate, about_stage


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return one finding per persisted RDD. Fits and searches persist data of their own and are left out."""
    readers: dict[int, list[int]] = {}
    for stage in sorted(range(len(app.stages)), key=app.span):
        row = app.stages[stage]
        for rdd in row["persisted_rdd_ids"] or () if not row["stage_attempt"] else ():
            readers.setdefault(rdd, []).append(stage)
    training = {job["job_id"] for job in app.jobs if job["tuning_uid"] or job["fit_uid"] or job["estimator_class"]}
    training |= {job["job_id"] for job in app.jobs if app.is_batch(job)}
    told: set[tuple[int, ...]] = set()
    for rdd, stages in readers.items():
        jobs = {app.stages[stage]["job_id"] for stage in stages}
        if jobs & training or tuple(stages) in told:
            continue
        told.add(tuple(stages))
        if len(_actions(app, stages)) == 1:
            yield from _unused(app, rdd, stages)
        else:
            yield from _lost(app, rdd, stages)


def _actions(app: ApplicationView, stages: list[int]) -> set[tuple[str, int]]:
    """The SQL executions, or jobs outside SQL, of stages."""
    executions = {job["job_id"]: job["sql_execution_id"] for job in app.jobs}
    found = set()
    for stage in stages:
        job = app.stages[stage]["job_id"]
        execution = executions.get(job)
        found.add(("job", job) if execution is None else ("execution", execution))
    return found


def _unused(app: ApplicationView, rdd: int, stages: list[int]) -> Iterator[Candidate]:
    if not app.application["completed"] or app.is_interactive:
        return
    took = {stage: app.span(stage)[1] - app.span(stage)[0] for stage in stages}
    worst = max(took, key=lambda stage: took[stage])
    yield Candidate(
        "cache_unused",
        sum(took.values()) * app.threshold("cache_unused", "stored_ratio"),
        message=f"It persisted RDD {rdd}, which no later action reads. The stages that computed and stored it took "
        f"{seconds(sum(took.values()) / 1e3)}.",
        figures={"rdd_id": rdd, "stages_ms": sum(took.values())},
        stages=tuple(stages),
        **{**about_stage(app, worst), "group": None},
    )


def _lost(app: ApplicationView, rdd: int, stages: list[int]) -> Iterator[Candidate]:
    run, read = app.column("executor_run_time_ms"), app.column("input_bytes")
    first, *later = stages
    computed = app.rows(first)[app.succeeded[app.rows(first)]]
    if not len(computed):
        return
    typical = float(np.median(run[computed]))
    again: dict[int, float] = {}
    number = 0
    for stage in later:
        rows = app.rows(stage)[app.succeeded[app.rows(stage)]]
        if app.stages[stage]["job_id"] == app.stages[first]["job_id"] or len(rows) != len(computed):
            continue  # other partitions than those of the RDD
        hit = read[rows] > 0
        missed = ~hit & (run[rows] >= app.threshold("cache_lost", "part_ratio") * typical)
        if not hit.any() or not missed.any():
            continue
        excess = run[rows][missed] - float(np.median(run[rows][hit]))
        again[stage] = float(np.maximum(excess, 0).sum() / app.at_once[stage])
        number += int(missed.sum())
    if not again:
        return
    worst = max(again, key=lambda stage: again[stage])
    lost = _executors_lost(app, app.span(first)[1], app.span(worst)[0])
    because = f"{lost} was lost before" if lost else "storage memory did not hold them"
    yield Candidate(
        "cache_lost",
        sum(again.values()),
        message=f"{count(number)} tasks of {count(len(again))} stage{'' if len(again) == 1 else 's'} computed "
        f"partitions of the persisted RDD {rdd} again, since {because}.",
        cause="executor lost" if lost else "memory",
        figures={"rdd_id": rdd, "num_tasks": number, "stages": [app.stage_identity(stage) for stage in again]},
        stages=tuple(again),
        **{**about_stage(app, worst), "group": None},
    )


def _executors_lost(app: ApplicationView, begin: int, end: int) -> str:
    """The first executor that was lost in this time, in words; empty if there is none."""
    for row in app.tables["executors"].to_pylist():
        at, reason = row["remove_time_ms"], row["remove_reason"] or ""
        if at is not None and begin <= at <= end and not re.search(spark.WANTED_REMOVAL, reason):
            return f"executor {row['executor_id']}"
    return ""
