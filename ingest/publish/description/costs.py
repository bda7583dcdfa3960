"""The table of what a run cost: trials, refits, other work, idle cores and the driver, which add up to the total."""

from collections.abc import Mapping, Sequence

from ....schemas.prices import CURRENCY_TAG, TASKS, TOTAL
from ....schemas.runs.tree import Run
from ...cost_parts import CostPart, cost_parts
from ...units import significant
from .text import Link, escape, linked, table


def list_costs(run: Run, below: Mapping[str, Sequence[Run]], link: Link) -> str:
    """The costs of an application or a search; "" for other runs, and without prices."""
    parts = cost_parts(run, below)
    if not parts:
        return ""
    total = run.metrics.get(TOTAL, run.metrics[TASKS])
    currency = run.tags.get(CURRENCY_TAG, "")
    title = f"Cost in {escape(currency)}" if currency else "Cost"
    shown = [(_name(part, link), significant(part.cost)) for part in parts if part.cost]
    return table(title, ("part", "cost"), [*shown, ("**sum**", f"**{significant(total)}**")])


def _name(part: CostPart, link: Link) -> str:
    if part.run is None:
        return part.name
    return f"{linked(part.run, link)}: {part.name}" if part.name else linked(part.run, link)
