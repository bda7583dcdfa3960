"""Divide what a run cost: trials, refits, fits, other work, idle cores and the driver, which add up to the total."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..schemas.prices import DRIVER, IDLE, TASKS
from ..schemas.runs.tree import Run

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class CostPart:
    """A part of a cost. `run` is the search, fit or named run that it belongs to; all of that run if `name` is ""."""

    name: str
    cost: float
    run: Run | None = None


def cost_parts(run: Run, below: Mapping[str, Sequence[Run]]) -> list[CostPart]:
    """The parts of an application's or a search's cost. `below` are the runs below each key.

    Of an application the costliest searches, fits and named runs are parts of their own, the rest is `other jobs`.
    Empty for other runs, and without prices.
    """
    if TASKS not in run.metrics:
        return []
    if run.level == "tuning":
        return _search(run, below)
    return _application(run, below) if run.level == "application" else []


def _application(run: Run, below: Mapping[str, Sequence[Run]]) -> list[CostPart]:
    parts = [child for child in below.get(run.key, ()) if child.level in ("tuning", "fit", "run", "session")]
    costly = sorted(parts, key=lambda child: -child.metrics.get(TASKS, 0.0))[:_SHOWN]
    found: list[CostPart] = []
    for child in costly:
        if child.level == "tuning":
            found += [CostPart(one.name, one.cost, child) for one in _search(child, below)]
        else:
            found.append(CostPart("", child.metrics.get(TASKS, 0.0), child))
    rest = run.metrics[TASKS] - sum(child.metrics.get(TASKS, 0.0) for child in costly)
    found.append(CostPart("other jobs", max(rest, 0.0)))
    return [
        *found,
        CostPart("idle cores", run.metrics.get(IDLE, 0.0)),
        CostPart("driver", run.metrics.get(DRIVER, 0.0)),
    ]


def _search(run: Run, below: Mapping[str, Sequence[Run]]) -> list[CostPart]:
    trials = sum(child.metrics.get(TASKS, 0.0) for child in below.get(run.key, ()) if child.level == "trial")
    rest = max(run.metrics.get(TASKS, 0.0) - trials, 0.0)
    return [CostPart("trials", trials), CostPart("refit and preparation", rest)]
