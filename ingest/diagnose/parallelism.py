"""Estimate what a higher `parallelism` would have saved a search, from the times of its fits and the cores."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..application_view import ApplicationView
from ..units import count, seconds, share
from .intervals import covered
from .intervals import spans as spans_of
from .makespan import makespan
from .ranking import Candidate, confidence_of
from .trials import took
from .usable_cores import usable_cores

_TRIED = (2, 4, 8)


@dataclass(frozen=True, slots=True)
class _Fit:
    """How long a fit took, and the core time of its tasks."""

    took_ms: int
    busy_ms: float


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return at most one finding per search. Only higher values than the one used are tried."""
    tunings = [row for row in app.paired_searches if row["kind"] != "loop"]  # a loop has no such setting
    if not tunings or not app.stages:
        return
    running = spans_of(app.column("launch_time_ms"), app.ended)
    local = (app.application["master"] or "").startswith("local")
    work = np.bincount(
        [max(row["job_id"] if row["job_id"] is not None else 0, 0) for row in app.stages],
        weights=app.sums(app.column("duration_ms")),
    )
    of_fit: dict[tuple[object, object, object], float] = {}
    for job in app.jobs:
        key = job["tuning_uid"], job["trial"], job["fold"]
        if job["job_id"] < len(work):
            of_fit[key] = of_fit.get(key, 0.0) + float(work[job["job_id"]])
    for tuning in tunings:
        uid, at_once = tuning["tuning_uid"], max(tuning["parallelism"] or 1, 1)
        folds: dict[int, list[_Fit]] = {}
        spans: dict[int, tuple[int, int]] = {}
        for fit in filter(took, app.fits_of_trials(uid)):
            busy = of_fit.get((uid, fit["trial"], fit["fold"]), 0.0)
            folds.setdefault(fit["fold"], []).append(_Fit(took(fit), busy))
            low, high = spans.get(fit["fold"], (fit["start_time_ms"], fit["end_time_ms"]))
            spans[fit["fold"]] = min(low, fit["start_time_ms"]), max(high, fit["end_time_ms"])
        was = sum(high - low for low, high in spans.values())
        capacity = sum(app.timeline.capacity_ms(low, high) for low, high in spans.values())
        cores = capacity / was if was else 0.0
        if not was or not cores:
            continue
        alone = {fold: max(high - low - covered(running, [(low, high)]), 0.0) for fold, (low, high) in spans.items()}

        def would(number: int, cores: float, folds: Any = folds, alone: Any = alone, was: int = was) -> float:
            return min(sum(_fold_ms(own, number, alone[fold], cores, local) for fold, own in folds.items()), was)

        tried = {number: would(number, cores) for number in _TRIED if number > at_once}
        if not tried or was - min(tried.values()) < app.threshold("parallelism", "gain_ratio") * was:
            continue
        busy = sum(fit.busy_ms for one in folds.values() for fit in one)
        idle = 1 - min(busy / capacity, 1.0)
        rather = ", ".join(f"{seconds(ms / 1e3)} with {number}" for number, ms in tried.items())
        usable = usable_cores(app, cores)
        doubt = f" The log shows {count(usable)} of them at work." if usable < cores / 2 else ""
        yield Candidate(
            "parallelism",
            was - min(would(number, usable) for number in tried),
            f"tuning {uid}",
            f"{'One fit' if at_once == 1 else f'{at_once} fits'} at a time left {share(idle)} of {count(cores)} cores "
            f"idle: the folds took {seconds(was / 1e3)}, and would have taken {rather} at a time, if the cores are "
            f"free.{doubt}",
            figures={"was_ms": was, "parallelism": at_once, "cores": cores, "idle_ratio": idle}
            | {f"parallelism_{number}_ms": ms for number, ms in tried.items()},
            tuning_uid=uid,
            confidence=confidence_of(tuning),
            at_most="note" if local else None,  # the log does not hold how many cores the machine has free
            possible_ms=was - min(tried.values()),
        )


def _fold_ms(fits: list[_Fit], at_once: int, alone_ms: float, cores: float, local: bool) -> float:
    """The driver's work of one fit, `alone_ms` in all, does not run beside that of another: one scheduler and one
    Python process do it. In local mode it uses the tasks' cores, and so does not run beside tasks either."""
    together = makespan([fit.took_ms for fit in fits], at_once)
    tasks = sum(fit.busy_ms for fit in fits) / cores
    return max(together, alone_ms + tasks if local else max(alone_ms, tasks))
