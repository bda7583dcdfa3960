"""Find lost and repeated work: failed and killed tasks, retried stages, lost executors."""

import re
from collections import Counter
from collections.abc import Iterator

import numpy as np

from ...schemas import spark
from ..application_view import ApplicationView
from ..units import count, seconds
from .failure_reasons import failure_reasons, same_reason, shorten
from .ranking import Candidate, about_stage


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return the findings about stages and executors."""
    yield from _failed(app)
    yield from _killed(app)
    yield from _repeated(app)
    yield from _lost(app)


def _failed(app: ApplicationView) -> Iterator[Candidate]:
    rows = np.flatnonzero(app.with_status("FAILED") & (app.stage_of >= 0))
    by_name: dict[str, dict[int, list[tuple[int, str]]]] = {}
    for row, reason in zip(rows.tolist(), failure_reasons(app, rows), strict=True):
        if not reason.startswith((spark.FETCH_FAILED, spark.EXECUTOR_LOST)):
            stage = int(app.stage_of[row])
            by_name.setdefault(app.stages[stage]["name"] or "", {}).setdefault(stage, []).append((row, reason))
    for stages in by_name.values():
        few = sum(map(len, stages.values())) < app.threshold("failed_tasks", "failed_tasks")
        costs = {stage: _failed_cost(app, stage, [row for row, _ in failed]) for stage, failed in stages.items()}
        if few and not _worth(app, "failed_tasks", sum(costs.values())):
            continue
        for stage, failed in stages.items():
            own = [row for row, _ in failed]
            alike = Counter(same_reason(reason) for _, reason in failed)
            pattern, times = alike.most_common(1)[0]
            example = next(reason for _, reason in failed if same_reason(reason) == pattern)
            took = float(app.column("duration_ms")[own].sum())
            ended = " and the stage failed" if app.stages[stage]["status"] == "FAILED" else ""
            label = (
                "Reason" if times == len(failed) else f"Most frequent reason ({count(times)} of {count(len(failed))})"
            )
            yield Candidate(
                "failed_tasks",
                costs[stage],
                message=f"{count(len(failed))} of {count(app.end[stage] - app.begin[stage])} task attempts failed "
                f"after {seconds(took / 1e3)} of work{ended}{_located(app, own)}. {label}: "
                f"{shorten(example) or 'no reason given'}.",
                figures={"num_failed": len(failed), "failed_ms": took, "reason": shorten(example)},
                **about_stage(app, stage),
            )


def _failed_cost(app: ApplicationView, stage: int, rows: list[int]) -> float:
    """If the stage failed, all of its time is lost; otherwise only the work of the failed attempts."""
    start, end = app.span(stage)
    return float(end - start) if app.stages[stage]["status"] == "FAILED" else _cost(app, stage, rows)


def _located(app: ApplicationView, rows: list[int]) -> str:
    """The partition or executor of the failures, if there are several and all share it."""
    if len(rows) < 2:
        return ""
    codes, names = app.executors
    partitions, executors = np.unique(app.column("index")[rows]), np.unique(codes[rows])
    if len(partitions) == 1:
        return f", all of partition {partitions[0]}"
    if len(executors) == 1 and executors[0] >= 0 and len(names) > 1:
        return f", all on executor {names[executors[0]]}"
    return ""


def _killed(app: ApplicationView) -> Iterator[Candidate]:
    """Killed tasks. Spark always kills either a task or its speculative copy. A killed copy is wasted work."""
    rows = np.flatnonzero(app.with_status("KILLED") & (app.stage_of >= 0))
    speculative = app.column("speculative")
    groups: dict[tuple[str, int], list[tuple[int, str]]] = {}
    for row, reason in zip(rows.tolist(), failure_reasons(app, rows), strict=True):
        beaten = spark.ANOTHER_SUCCEEDED in reason
        if beaten and not speculative[row]:
            continue  # its copy was faster: speculation helped
        code = "speculation_wasted" if beaten else "killed_tasks"
        groups.setdefault((code, int(app.stage_of[row])), []).append((row, reason))
    for (code, stage), killed in groups.items():
        took = float(app.column("duration_ms")[[row for row, _ in killed]].sum())
        reason = Counter(reason for _, reason in killed).most_common(1)[0][0]
        number, one = count(len(killed)), len(killed) == 1
        if code == "speculation_wasted":
            message = f"{number} speculative {'copy was' if one else 'copies were'} killed after "
            message += f"{seconds(took / 1e3)} of work, because the original task finished first."
        else:
            message = f"{number} task{' was' if one else 's were'} killed after {seconds(took / 1e3)} of work: "
            message += f"{shorten(reason) or 'no reason given'}."
        yield Candidate(
            code,
            _cost(app, stage, [row for row, _ in killed]),
            message=message,
            figures={"num_killed": len(killed), "killed_ms": took},
            **about_stage(app, stage),
        )


def _repeated(app: ApplicationView) -> Iterator[Candidate]:
    reasons = {(row["stage_id"], row["stage_attempt"]): row["failure_reason"] for row in app.stages}
    for stage, row in enumerate(app.stages):
        lost = row["num_resubmitted_tasks"] or 0
        if not row["stage_attempt"] and not lost:
            continue
        start, end = app.span(stage)
        again = float(end - start) if row["stage_attempt"] else 0.0
        median = app.medians[stage]
        redone = 0.0 if row["stage_attempt"] or np.isnan(median) else lost * float(median) / float(app.at_once[stage])
        why = reasons.get((row["stage_id"], (row["stage_attempt"] or 0) - 1))
        tasks = app.end[stage] - app.begin[stage]
        parts = []
        if row["stage_attempt"]:
            parts.append(
                f"it ran again as attempt {row['stage_attempt']} ({count(tasks)} tasks, {seconds(again / 1e3)})"
            )
        if lost:
            parts.append(
                f"the output of {count(lost)} finished task{'' if lost == 1 else 's'} was lost with an executor"
            )
        text = "; ".join(parts) + (f". The previous attempt failed: {shorten(why)}" if why else "")
        yield Candidate(
            "stage_retry",
            again + redone,
            at_most=None if _worth(app, "stage_retry", again + redone) else "note",
            message=f"{text[0].upper()}{text[1:]}.",
            figures={"again_ms": again, "num_resubmitted": lost, "num_tasks": tasks},
            **about_stage(app, stage),
        )


def _lost(app: ApplicationView) -> Iterator[Candidate]:
    rows = np.flatnonzero(app.with_status("FAILED", "RUNNING") & (app.stage_of >= 0))
    codes, names = app.executors
    lost: dict[str, list[int]] = {}
    for row, reason in zip(rows.tolist(), failure_reasons(app, rows), strict=True):
        if codes[row] >= 0 and reason.startswith(spark.EXECUTOR_LOST):
            lost.setdefault(names[codes[row]], []).append(row)
    for executor in app.tables["executors"].to_pylist():
        name, reason = executor["executor_id"], executor["remove_reason"] or ""
        tasks = lost.get(name, [])
        removed = executor["remove_time_ms"] is not None
        if not tasks and (not removed or re.search(spark.WANTED_REMOVAL, reason)):
            continue
        took = float(app.column("duration_ms")[tasks].sum())
        cost = sum(_cost(app, int(app.stage_of[row]), [row]) for row in tasks)
        work = (
            f", with {count(len(tasks))} running task{'' if len(tasks) == 1 else 's'} ({seconds(took / 1e3)} of work)"
        )
        at = f" {seconds((executor['remove_time_ms'] - app.start_ms) / 1e3)} after the start" if removed else ""
        yield Candidate(
            "executor_lost",
            cost,
            f"executor {name}" + (f" on {executor['host']}" if executor["host"] else ""),
            f"It was lost{at}{work if tasks else ''}: {shorten(reason) or 'no reason given'}.",
            _why(reason),
            {"num_tasks": len(tasks), "lost_ms": took, "reason": shorten(reason)},
            executor_id=name,
            host=executor["host"],
            at_most=None if _why(reason) == "killed" or _worth(app, "executor_lost", cost) else "note",
        )


def _why(reason: str) -> str:
    if re.search(spark.FULL_HEAP, reason):
        return "out of memory"
    if re.search(spark.KILLED_PROCESS, reason):
        return "killed"
    return "preempted" if re.search(spark.PREEMPTED, reason) else "unknown"


def _cost(app: ApplicationView, stage: int, rows: list[int]) -> float:
    return float(app.column("duration_ms")[rows].sum() / app.at_once[stage])


def _worth(app: ApplicationView, code: str, cost: float) -> bool:
    return cost >= max(app.threshold(code, "cost_s") * 1e3, app.threshold(code, "cost_ratio") * app.duration_ms)
