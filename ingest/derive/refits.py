"""Derive one run per search over the jobs that fit the best param map again, on all data."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...schemas.logs import EventLogTables
from .searches import Branch, fit_key, refit_key, tuning_key


def refit_branches(tables: EventLogTables, root: str, jobs: Sequence[Mapping[str, Any]]) -> list[Branch]:
    """The refits of the searches below `root`. A refit that the fits table has is not among them.

    A search without an end in the log has a refit without an end.
    """
    known = {fit_key(root, fit) for fit in tables["fits"].to_pylist()}
    of_search: dict[str, list[Mapping[str, Any]]] = {}
    for job in jobs:
        if job["phase"] == "refit" and job["tuning_uid"] and fit_key(root, job) not in known:
            of_search.setdefault(job["tuning_uid"], []).append(job)
    found = []
    for tuning in tables["tunings"].to_pylist():
        refit = of_search.get(tuning["tuning_uid"], [])
        starts = [job["submission_time_ms"] for job in refit if job["submission_time_ms"] is not None]
        ends = [job["completion_time_ms"] for job in refit]
        if not starts:
            continue
        running = None in ends
        failed = any(job["status"] == "FAILED" for job in refit)
        tags = {
            "afterglow.tuning.uid": tuning["tuning_uid"],
            "afterglow.phase": "refit",
            "afterglow.estimator": tuning["estimator_class"],
            "afterglow.estimator.uid": tuning["estimator_uid"],
        }
        end = None if running else max(end for end in ends if end is not None)
        found.append(
            Branch(
                "fit",
                refit_key(root, tuning),
                tuning_key(root, tuning),
                "refit",
                "FAILED" if failed else None if running else "FINISHED",
                min(starts),
                end,
                {} if end is None else {"time/fit_s": (end - min(starts)) / 1e3},
                {},
                tags,
            )
        )
    return found
