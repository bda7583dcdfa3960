"""Find faults of searches whose trials are single tasks: shared executors, unused parallelism, retried trials."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..application_view import ApplicationView
from ..task_arrays import Row
from ..units import count, seconds, share
from .intervals import Span, clipped, length, spans
from .ranking import Candidate, confidence_of

_COLUMNS = ("stage_id", "stage_attempt", "task_id", "index", "status", "executor_id")
_TIMES = ("launch_time_ms", "finish_time_ms")
_FAILED = "FAILED"


class _Attempt(NamedTuple):
    """One attempt of a trial's task."""

    trial: int
    executor: str
    status: str
    begin: int
    end: int


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return findings for every search whose trials are certain."""
    if not app.paired_searches:
        return
    everything = _attempts(app)
    for tuning in app.paired_searches:
        yield from _unused_parallelism(tuning)
        attempts = everything.get(tuning["tuning_uid"], [])
        yield from _shared_executors(app, tuning, attempts)
        yield from _retried(tuning, attempts)


def _attempts(app: ApplicationView) -> Mapping[str, list[_Attempt]]:
    """Search -> the attempts of its trials, by start; only of searches whose trials have one task each."""
    of_task: dict[tuple[int, int], tuple[str, int]] = {}  # stage and partition -> search and trial
    rows = [row for row in app.tasks.select([*_COLUMNS, *_TIMES]).to_pylist() if row["launch_time_ms"] is not None]
    partitions: dict[int, set[int]] = {}
    partition: dict[tuple[int, int], int] = {}
    for row in rows:
        partitions.setdefault(row["stage_id"], set()).add(row["index"])
        partition[row["stage_id"], row["task_id"]] = row["index"]
    for job in app.jobs:
        stages = [stage for stage in job["stage_ids"] or () if stage in partitions]
        if job["tuning_uid"] is not None and job["trial"] is not None and job["phase"] == "fit":
            for stage in stages:
                of_task.update({(stage, one): (job["tuning_uid"], job["trial"]) for one in partitions[stage]})
    for fit in app.tables["fits"].to_pylist():
        if fit["tuning_uid"] is not None and fit["task_id"] is not None and fit["trial"] is not None:
            own = fit["stage_id"], partition.get((fit["stage_id"], fit["task_id"]), -1)
            of_task[own] = fit["tuning_uid"], fit["trial"]
    tasks = Counter(of_task.values())
    several = {uid for (uid, _), number in tasks.items() if number > 1}
    found: dict[str, list[_Attempt]] = {}
    for row in sorted(rows, key=lambda row: row["launch_time_ms"]):
        uid, trial = of_task.get((row["stage_id"], row["index"]), (None, 0))
        if uid is not None and uid not in several:
            begin, end = row["launch_time_ms"], row["finish_time_ms"] or app.end_ms
            found.setdefault(uid, []).append(
                _Attempt(trial, row["executor_id"] or "", row["status"], begin, max(begin, end))
            )
    return found


def _shared_executors(app: ApplicationView, tuning: Row, attempts: Sequence[_Attempt]) -> Iterator[Candidate]:
    """The moments in which two trials shared an executor while another executor had no task at all."""
    shared, trials = _shared(attempts)
    idle = _idle(app) if shared else []
    took = length(_union([part for span in shared for part in clipped(idle, *span)]))
    whole = length(_union([(one.begin, one.end) for one in attempts]))
    if not took or took < app.threshold("shared_executor", "time_ratio") * whole:
        return
    yield Candidate(
        "shared_executor",
        took / 2,
        f"tuning {tuning['tuning_uid']}",
        f"{count(len(trials))} trials ran beside another one on their executor for {seconds(took / 1e3)}, "
        f"{share(took / whole)} of the search, while another executor had no task.",
        figures={"shared_ms": took, "search_ms": whole, "trials": len(trials)},
        tuning_uid=tuning["tuning_uid"],
        confidence=confidence_of(tuning),
    )


def _shared(attempts: Sequence[_Attempt]) -> tuple[list[Span], set[int]]:
    found: list[Span] = []
    trials: set[int] = set()
    for at, one in enumerate(attempts):
        for other in attempts[at + 1 :]:
            if other.begin >= one.end:
                break
            if other.executor == one.executor and other.trial != one.trial:
                found.append((other.begin, min(one.end, other.end)))
                trials |= {one.trial, other.trial}
    return found, trials


def _idle(app: ApplicationView) -> list[Span]:
    """When an executor that was there had no task."""
    codes, names = app.executors
    found: list[Span] = []
    for row in app.tables["executors"].to_pylist():
        if row["executor_id"] not in names or row["add_time_ms"] is None:
            continue
        own = (codes == names.index(row["executor_id"])).nonzero()[0]
        begin, end = int(row["add_time_ms"]), int(row["remove_time_ms"] or app.end_ms)
        for start, stop in sorted(
            zip(app.column("launch_time_ms")[own].tolist(), app.ended[own].tolist(), strict=True)
        ):
            if start > begin:
                found.append((begin, int(start)))
            begin = max(begin, int(stop))
        if end > begin:
            found.append((begin, end))
    return found


def _union(stretches: Sequence[Span]) -> list[Span]:
    moments = np.array(stretches, np.int64).reshape(-1, 2)
    return spans(moments[:, 0], moments[:, 1])


def _unused_parallelism(tuning: Row) -> Iterator[Candidate]:
    parallelism, trials = tuning["parallelism"], tuning["num_trials"]
    if not parallelism or not trials or tuning["status"] == "RUNNING" or parallelism <= trials:
        return
    yield Candidate(
        "unused_parallelism",
        0.0,
        f"tuning {tuning['tuning_uid']}",
        f"The search had a parallelism of {count(parallelism)} and {count(trials)} trials.",
        figures={"parallelism": parallelism, "trials": trials},
        tuning_uid=tuning["tuning_uid"],
        confidence=confidence_of(tuning),
    )


def _retried(tuning: Row, attempts: Sequence[_Attempt]) -> Iterator[Candidate]:
    by_trial: dict[int, list[_Attempt]] = {}
    for one in attempts:
        by_trial.setdefault(one.trial, []).append(one)
    lost = {trial: [one for one in own[:-1] if one.status == _FAILED] for trial, own in by_trial.items()}
    lost = {trial: failed for trial, failed in lost.items() if failed}
    if not lost:
        return
    took = [one.end - one.begin for failed in lost.values() for one in failed]
    number = len(took)
    named = ", ".join(str(trial) for trial in sorted(lost)[:5]) + (" and others" if len(lost) > 5 else "")
    yield Candidate(
        "retried_trial",
        sum(took) / max(tuning["parallelism"] or 1, 1),
        f"tuning {tuning['tuning_uid']}",
        f"Spark ran trial {named} again after {count(number)} failed {'attempt' if number == 1 else 'attempts'}.",
        figures={"lost_ms": sum(took), "attempts": number, "trials": sorted(lost)},
        tuning_uid=tuning["tuning_uid"],
        confidence=confidence_of(tuning),
    )
