"""ApplicationView thrown away: tasks that failed or were killed, stages that ran again, executors that were lost."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...schemas import spark
from .. import arrow
from ..application_view import ApplicationView
from ..task_groups import Array
from ..units import count, seconds
from .ranking import Candidate, about_stage

_REASON = 200


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Of stages and of executors."""
    yield from _failed(app)
    yield from _killed(app)
    yield from _repeated(app)
    yield from _lost(app)


def _reasons(app: ApplicationView, rows: Array) -> list[str]:
    if not len(rows):
        return []
    return [reason or "" for reason in app.tasks["failure_reason"].take(arrow.from_numpy(rows, "int64")).to_pylist()]


def _failed(app: ApplicationView) -> Iterator[Candidate]:
    rows = np.flatnonzero(app.with_status("FAILED") & (app.stage_of >= 0))
    reasons = _reasons(app, rows)
    own = [not reason.startswith((spark.FETCH_FAILED, spark.EXECUTOR_LOST)) for reason in reasons]
    by_name: dict[str, dict[int, list[tuple[int, str]]]] = {}
    for row, reason, counts in zip(rows.tolist(), reasons, own, strict=True):
        if counts:
            stage = int(app.stage_of[row])
            by_name.setdefault(app.stages[stage]["name"] or "", {}).setdefault(stage, []).append((row, reason))
    for stages in by_name.values():
        all_of = [row for failed in stages.values() for row, _ in failed]
        few = len(all_of) < app.threshold("failed_tasks", "failed_tasks")
        if few and not _worth(
            app, "failed_tasks", sum(_cost(app, stage, [r for r, _ in f]) for stage, f in stages.items())
        ):
            continue
        for stage, failed in stages.items():
            often, times = Counter(reason for _, reason in failed).most_common(1)[0]
            took = float(app.column("duration_ms")[[row for row, _ in failed]].sum())
            share_of = "all" if times == len(failed) else f"most often ({count(times)})"
            ended = " and the stage failed" if app.stages[stage]["status"] == "FAILED" else ""
            yield Candidate(
                "failed_tasks",
                _cost(app, stage, [row for row, _ in failed]),
                message=f"{count(len(failed))} of {count(app.end[stage] - app.begin[stage])} task attempts failed "
                f"after {seconds(took / 1e3)} of work{ended}; {share_of}: "
                f"{_short(often) or 'no reason given'}.",
                figures={"num_failed": len(failed), "failed_ms": took, "reason": _short(often)},
                **about_stage(app, stage),
            )


def _killed(app: ApplicationView) -> Iterator[Candidate]:
    """Killed tasks. Of a task and its speculative copy one is always killed: that is waste where it is the copy."""
    rows = np.flatnonzero(app.with_status("KILLED") & (app.stage_of >= 0))
    speculative = app.column("speculative")
    groups: dict[tuple[str, int], list[tuple[int, str]]] = {}
    for row, reason in zip(rows.tolist(), _reasons(app, rows), strict=True):
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
            message = f"{number} speculative {'copy' if one else 'copies'} lost against the original task, after "
            message += f"{seconds(took / 1e3)} of work."
        else:
            message = f"{number} task{' was' if one else 's were'} killed after {seconds(took / 1e3)} of work: "
            message += f"{_short(reason) or 'no reason given'}."
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
                f"it ran again as attempt {row['stage_attempt']}: {count(tasks)} tasks, {seconds(again / 1e3)}"
            )
        if lost:
            parts.append(f"{count(lost)} tasks had their finished output lost with an executor")
        text = "; ".join(parts) + (f"; before: {_short(why)}" if why else "")
        yield Candidate(
            "stage_retry",
            again + redone,
            message=f"{text[0].upper()}{text[1:]}.",
            figures={"again_ms": again, "num_resubmitted": lost, "num_tasks": tasks},
            **about_stage(app, stage),
        )


def _lost(app: ApplicationView) -> Iterator[Candidate]:
    rows = np.flatnonzero(app.with_status("FAILED", "RUNNING") & (app.stage_of >= 0))
    codes, names = app.executors
    lost: dict[str, list[int]] = {}
    for row, reason in zip(rows.tolist(), _reasons(app, rows), strict=True):
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
        at = f" {seconds((executor['remove_time_ms'] - app.start_ms) / 1e3)} after the start" if removed else ""
        yield Candidate(
            "executor_lost",
            cost,
            f"executor {name}" + (f" on {executor['host']}" if executor["host"] else ""),
            f"It was lost{at}, and {count(len(tasks))} running task{'' if len(tasks) == 1 else 's'} with it "
            f"({seconds(took / 1e3)}): {_short(reason) or 'no reason given'}.",
            _why(reason),
            {"num_tasks": len(tasks), "lost_ms": took, "reason": _short(reason)},
            executor_id=name,
            host=executor["host"],
        )


def _why(reason: str) -> str:
    if re.search(spark.KILLED_PROCESS, reason):
        return "killed"
    return "preempted" if re.search(spark.PREEMPTED, reason) else "unknown"


def _cost(app: ApplicationView, stage: int, rows: list[int]) -> float:
    return float(app.column("duration_ms")[rows].sum() / app.at_once[stage])


def _worth(app: ApplicationView, code: str, cost: float) -> bool:
    return cost >= max(app.threshold(code, "cost_s") * 1e3, app.threshold(code, "cost_ratio") * app.duration_ms)


def _short(text: Any) -> str:
    lines = str(text or "").split("\n")
    told = [part for part in lines if part.strip() and not part.strip().startswith("SQLSTATE")]
    if "Traceback" in str(text) and len(told) > 1:  # of a Python exception the last line says what it was
        lines = told[-1:]
    lines = [part for part in lines if not re.match(r"\s+at ", part)]  # of a JVM's stack
    line = " ".join(" ".join(lines).split()).rstrip(".")
    return line if len(line) <= _REASON else line[: _REASON - 1] + "…"
