"""Links from a run to the runs below it: searches, what failed, what was slow."""

import heapq
from collections.abc import Iterable, Mapping, Sequence

from mlflow.entities import Run as StoredRun

from ....schemas.runs.tree import Run
from ...units import count, seconds
from ..urls import run_path
from .text import Link, escape, linked
from .trials import cost

_SHOWN = 5


def descendant_stages(run: Run, below: Mapping[str, Sequence[Run]]) -> list[Run]:
    """The stages below a run that are not its children."""
    found: list[Run] = []
    pending = [child for child in below.get(run.key, ()) if child.level != "stage"]
    while pending:
        children = below.get(pending.pop().key, ())
        found.extend(child for child in children if child.level == "stage")
        pending.extend(child for child in children if child.level not in ("stage", "task"))
    return found


def list_children(children: Sequence[Run], link: Link) -> list[str]:
    """The searches, and the failed and slowest fits, stages and jobs among these runs."""
    lines = []
    searches = [run for run in children if run.level == "tuning"]
    if searches:
        lines.append(_list("Searches", searches, link))
    for level, plural in (("fit", "fits"), ("stage", "stages"), ("job", "jobs")):
        own = [run for run in children if run.level == level]
        failed = [run for run in own if run.status == "FAILED"]
        slow = sorted((run for run in own if run.duration_s), key=lambda run: -_time(run))
        lines.extend(_failed_and_slow(level, plural, (failed, len(failed)), (slow, len(slow)), len(own), link))
    return lines


def list_tasks(tasks: Iterable[Run], link: Link) -> list[str]:
    """Like other children, but without keeping them in memory: there may be 100,000."""
    failed: list[Run] = []
    slow: list[tuple[float, int, Run]] = []
    number = num_failed = num_slow = 0
    for number, run in enumerate(tasks, 1):
        if run.status == "FAILED":
            num_failed += 1
            if len(failed) < _SHOWN:
                failed.append(run)
        if run.duration_s:
            num_slow += 1
            keep = heapq.heappush if len(slow) < _SHOWN else heapq.heappushpop
            keep(slow, (run.duration_s, -number, run))
    slowest = [run for _, _, run in sorted(slow, reverse=True)]
    return _failed_and_slow("task", "tasks", (failed, num_failed), (slowest, num_slow), number, link)


def _failed_and_slow(
    level: str, plural: str, failed: tuple[Sequence[Run], int], slow: tuple[Sequence[Run], int], number: int, link: Link
) -> list[str]:
    lines = []
    if failed[1]:
        lines.append(_list(f"Failed {plural}", failed[0], link, failed[1]))
    if slow[1] > 1 or (slow[1] and not failed[1]):
        lines.append(_list(f"Slowest {plural}" if number > 1 else f"Its {level}", slow[0], link, slow[1]))
    return lines


def _list(title: str, runs: Sequence[Run], link: Link, of: int | None = None) -> str:
    shown = [f"- {linked(run, link)}: {seconds(_time(run))}{_note(run)}" for run in runs[:_SHOWN]]
    number = len(runs) if of is None else of
    more = f" (the first {_SHOWN} of {count(number)})" if number > _SHOWN else ""
    return f"**{title}**{more}\n\n" + "\n".join(shown)


def _time(run: Run) -> float:
    """Wall time, except for fits, whose wall time may include waiting for other trials."""
    return cost(run) if run.level in ("trial", "fit") else run.duration_s or 0.0


def _note(run: Run) -> str:
    skew = run.metrics.get("skew/duration_max_over_median", 0.0)
    parts = []
    if run.level in ("job", "stage") and skew >= 3:
        parts.append(f"longest task {skew:.1f} times the median")
    if run.metrics.get("tasks/failed"):
        parts.append(f"{count(run.metrics['tasks/failed'])} failed tasks")
    if run.tags.get("afterglow.task_selected_for"):
        parts.append(run.tags["afterglow.task_selected_for"])
    return f" ({', '.join(parts)})" if parts else ""


def links_to_training_runs(runs: Sequence[StoredRun]) -> str:
    """A paragraph with links to runs that the training job created itself; empty if there are none."""
    if not runs:
        return ""
    some = (
        f"[{escape(run.info.run_name or run.info.run_id)}]({run_path(run.info.experiment_id, run.info.run_id)})"
        for run in runs[:_SHOWN]
    )
    more = f" and {count(len(runs) - _SHOWN)} more" if len(runs) > _SHOWN else ""
    return f"\n\nRuns of the training job itself: {', '.join(some)}{more}."
