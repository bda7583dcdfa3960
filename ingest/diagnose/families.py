"""Every family of findings over one application's tables, and their rows in one table, dearest first."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ...schemas.findings import Thresholds
from ...schemas.logs import EventLogTables
from . import application, driver, executors, memory, parallelism, reuse, shuffle, sizes, tails, trials, waste
from .found import Found, rows_of
from .work import Work

_FAMILIES: Sequence[Callable[[Work], Iterator[Found]]] = (
    memory.find,
    shuffle.find,
    sizes.find,
    driver.find,
    waste.find,
    trials.find,
    reuse.find,
    parallelism.find,
    application.find,
)


def diagnose(tables: EventLogTables, thresholds: Thresholds | None = None) -> EventLogTables:
    """The same tables with `findings` filled. `thresholds` are those that a person wants otherwise than declared."""
    of = Work(tables, thresholds or Thresholds())
    machines = list(executors.find(of)) if len(of) else []
    found = [*machines, *tails.find(of, frozenset(one.executor_id or "" for one in machines))]
    for family in _FAMILIES:
        found.extend(family(of))
    return replace(tables, tables={**tables.tables, "findings": rows_of(found, of)})
