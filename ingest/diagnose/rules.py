"""Every family of findings over one application's tables, and their rows in one table, dearest first."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ...schemas.findings.thresholds import Thresholds
from ...schemas.logs import EventLogTables
from . import (
    application,
    driver,
    executors,
    failures,
    memory,
    parallelism,
    partitioning,
    recomputation,
    shuffle,
    skew,
    trials,
)
from .ranking import Found, rows_of
from .work import Work

_FAMILIES: Sequence[Callable[[Work], Iterator[Found]]] = (
    memory.find,
    shuffle.find,
    partitioning.find,
    driver.find,
    failures.find,
    trials.find,
    recomputation.find,
    parallelism.find,
    application.find,
)
# Findings whose cost is time in which most cores wait for a few.
_LEAVE_IDLE = ("skew", "straggler", "slow_executor", "slow_host", "few_partitions")


def diagnose(tables: EventLogTables, thresholds: Thresholds | None = None) -> EventLogTables:
    """The same tables with `findings` filled. `thresholds` are those that a person wants otherwise than declared."""
    of = Work(tables, thresholds or Thresholds())
    machines = list(executors.find(of)) if len(of) else []
    found = [*machines, *skew.find(of, frozenset(one.executor_id or "" for one in machines))]
    for family in _FAMILIES:
        found.extend(family(of))
    waiting = [one for one in found if one.code in _LEAVE_IDLE and one.covered_by is None]
    found.extend(partitioning.find_idle(of, sum(one.cost_ms or 0.0 for one in waiting)))
    return replace(tables, tables={**tables.tables, "findings": rows_of(found, of)})
