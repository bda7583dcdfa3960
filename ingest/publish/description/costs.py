"""The table of what a run cost: trials, refits, other work, idle cores and the driver, which add up to the total."""

from collections.abc import Mapping, Sequence

from ....schemas.prices import CURRENCY_TAG, DRIVER, IDLE, TASKS, TOTAL
from ....schemas.runs.tree import Run
from ...units import significant
from .text import Link, escape, linked, table

_SHOWN = 5


def list_costs(run: Run, below: Mapping[str, Sequence[Run]], link: Link) -> str:
    """The costs of an application or a search; "" for other runs, and without prices."""
    if TASKS not in run.metrics or run.level not in ("application", "tuning"):
        return ""
    rows = _application(run, below, link) if run.level == "application" else _search(run, below)
    total = run.metrics.get(TOTAL, run.metrics[TASKS])
    currency = run.tags.get(CURRENCY_TAG, "")
    title = f"Cost in {escape(currency)}" if currency else "Cost"
    shown = [(name, significant(cost)) for name, cost in rows if cost]
    return table(title, ("part", "cost"), [*shown, ("**sum**", f"**{significant(total)}**")])


def _application(run: Run, below: Mapping[str, Sequence[Run]], link: Link) -> list[tuple[str, float]]:
    parts = [child for child in below.get(run.key, ()) if child.level in ("tuning", "fit", "run", "session")]
    costly = sorted(parts, key=lambda child: -child.metrics.get(TASKS, 0.0))[:_SHOWN]
    rows: list[tuple[str, float]] = []
    for child in costly:
        if child.level != "tuning":
            rows.append((linked(child, link), child.metrics.get(TASKS, 0.0)))
            continue
        rows += [(f"{linked(child, link)}: {name}", cost) for name, cost in _search(child, below)]
    rest = run.metrics[TASKS] - sum(child.metrics.get(TASKS, 0.0) for child in costly)
    rows.append(("other jobs", max(rest, 0.0)))
    return [*rows, ("idle cores", run.metrics.get(IDLE, 0.0)), ("driver", run.metrics.get(DRIVER, 0.0))]


def _search(run: Run, below: Mapping[str, Sequence[Run]]) -> list[tuple[str, float]]:
    trials = sum(child.metrics.get(TASKS, 0.0) for child in below.get(run.key, ()) if child.level == "trial")
    return [("trials", trials), ("refit and preparation", max(run.metrics[TASKS] - trials, 0.0))]
