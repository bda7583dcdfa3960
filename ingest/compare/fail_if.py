"""--fail-if 'time/duration_s > 20%': a change that must not be."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ...schemas.comparison import SAME_S, Comparison
from ...schemas.runs.metrics import RUN_METRICS
from ..errors import InputError
from .compare import change

_FORM = re.compile(r"\s*(stage:)?\s*([\w/.\-: ]+?)\s*(>=|<=|>|<)\s*([+-]?\d+(?:\.\d+)?)\s*(%?)\s*")
_COMPARES: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_SHOWN = 20
_NAMES = {metric.name for metric in RUN_METRICS}


@dataclass(frozen=True, slots=True)
class Condition:
    """B minus A of a metric, compared with a limit: in the metric's unit, or as a share of A. `of_stages`: of every
    pair of stages instead of the application."""

    text: str
    metric: str
    compares: str
    limit: float
    relative: bool
    of_stages: bool


def condition(text: str) -> Condition:
    """Reads `[stage:]METRIC > LIMIT[%]`.

    Raises:
        InputError: it has another form, or there is no such metric.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise InputError(f"{text!r}: write METRIC > NUMBER or METRIC > NUMBER%, such as 'time/duration_s > 20%'")
    stage, metric, compares, limit, percent = found.groups()
    if metric not in _NAMES and not metric.startswith(("user/", "avg_", "std_")):
        raise InputError(f"{text!r}: there is no metric {metric!r}; `afterglow schema metrics` lists them")
    return Condition(text.strip(), metric, compares, float(limit) / (100 if percent else 1), bool(percent), bool(stage))


def broken(one: Condition, of: Comparison) -> list[str]:
    """Where it holds, in words; empty where it does not. A metric that neither side has does not change; of a stage's
    time, as a share, less than a second does not count as a change."""
    if not one.of_stages:
        held = _holds(one, of.a.metrics, of.b.metrics)
        return [f"{one.text}: {held}"] if held else []
    found = []
    for group in of.stages:
        for before, after in group.pairs:
            if before is not None and after is not None:
                held = _holds(one, before.metrics, after.metrics)
                if held and not _brief(one, before.metrics, after.metrics):
                    found.append(f"{one.text}: stage {before.stage_id} and {after.stage_id}, {group.name}: {held}")
    more = len(found) - _SHOWN
    return found if more <= 0 else [*found[:_SHOWN], f"{one.text}: {more:,} more stages"]


def _brief(one: Condition, a: Mapping[str, float], b: Mapping[str, float]) -> bool:
    """Of a search's hundred short stages some always take twice as long: as a share, less than a second is none."""
    changed = change(one.metric, a, b)
    return one.relative and changed.unit == "s" and abs(changed.by) < SAME_S


def _holds(one: Condition, a: Mapping[str, float], b: Mapping[str, float]) -> str | None:
    if one.metric not in a and one.metric not in b:
        return None
    changed = change(one.metric, a, b)
    compares = _COMPARES[one.compares]
    if not one.relative:
        held = compares(changed.by, one.limit)
    elif changed.ratio is None:
        held = changed.by > 0 and one.compares in (">", ">=")  # from nothing to something is more than any share
    else:
        held = compares(changed.ratio, one.limit)
    before, after = changed.a or 0.0, changed.b or 0.0
    return f"{before:,.6g} before, {after:,.6g} after" if held else None
