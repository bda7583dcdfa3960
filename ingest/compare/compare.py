"""Two applications -> what got slower and by how much, which findings are new and gone, a verdict."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...schemas.comparison import SAME_RATIO, SAME_S, SHOWN_METRICS, STAGE_CAUSES, Change, Comparison, Side, StageChange
from ...schemas.comparison import Verdict as VerdictWord
from ...schemas.runs.metrics import RUN_METRICS
from ..units import seconds, share
from .match import Pair, match, plain

QUIET = "no stage ran (the driver worked, or waited)"
_UNITS = {metric.name: metric.unit for metric in RUN_METRICS}


def compare(a: Side, b: Side) -> Comparison:
    """What changed from `a` to `b`."""
    duration = change("time/duration_s", a.metrics, b.metrics)
    problems = _problems(a, b)
    verdict: VerdictWord = "not comparable" if a.problem or b.problem else _verdict(duration)
    stages = _stages(a, b)
    fresh, gone = _findings(a.findings, b.findings)
    return Comparison(
        a,
        b,
        verdict,
        " ".join([*problems, _sentence(verdict, duration, stages)]),
        [change(name, a.metrics, b.metrics) for name in SHOWN_METRICS if name in a.metrics or name in b.metrics],
        stages,
        fresh,
        gone,
        problems,
    )


def _problems(a: Side, b: Side) -> list[str]:
    """Sentences about failed and cut applications, B's first."""
    found = [f"{name} ({side.label}) {side.problem}." for name, side in (("B", b), ("A", a)) if side.problem]
    if b.failed_jobs > a.failed_jobs and not b.problem:
        found.append(f"B ({b.label}) has {b.failed_jobs:,} failed jobs, A has {a.failed_jobs:,}.")
    return found


def change(name: str, a: Mapping[str, float], b: Mapping[str, float]) -> Change:
    """One metric on both sides."""
    return Change(name, _UNITS.get(name, ""), a.get(name), b.get(name))


def small(one: Change) -> bool:
    """Whether a change of a time is none worth speaking of."""
    return abs(one.by) < SAME_S or (one.ratio is not None and abs(one.ratio) < SAME_RATIO)


def _verdict(duration: Change) -> VerdictWord:
    if duration.a is None or duration.b is None or small(duration):
        return "about the same"
    return "slower" if duration.by > 0 else "faster"


def _sentence(verdict: str, duration: Change, stages: Sequence[StageChange]) -> str:
    if duration.a is None or duration.b is None:
        return "One of the applications has no end. Compare their stages instead of their times."
    took = f"{seconds(duration.a)} before, {seconds(duration.b)} after"
    if verdict == "not comparable":
        return f"The times do not compare: {took}."
    if verdict == "about the same":
        return f"About the same: {took}."
    text = f"{share(abs(duration.ratio or 0.0))} {verdict}: {took}."
    same_way = [one for one in stages if one.duration.by * duration.by > 0 and not small(one.duration)][:3]
    if same_way:
        parts = [
            f"{one.name} ({'+' if one.duration.by > 0 else '−'}{seconds(abs(one.duration.by))})" for one in same_way
        ]
        text += f" Most of it: {', '.join(parts)}."
    return text


def _stages(a: Side, b: Side) -> list[StageChange]:
    """Stages that are alike, and of which a search has hundreds, together; the greatest change first."""
    groups: dict[tuple[str | None, str], list[Pair]] = {}
    for one, two in match(a.stages, b.stages):
        shown = two or one
        if shown is not None:
            groups.setdefault((shown.plan, plain(shown.name)), []).append((one, two))
    found = [_group(pairs) for pairs in groups.values()]
    found.append(StageChange(QUIET, 1, 1, Change("time/duration_s", "s", a.quiet_s, b.quiet_s), ()))
    return sorted(found, key=lambda one: (-abs(one.duration.by), one.name))


def _group(pairs: Sequence[Pair]) -> StageChange:
    before = [one for one, _ in pairs if one is not None]
    after = [two for _, two in pairs if two is not None]
    first = min([*before, *after], key=lambda stage: stage.order)
    took = Change(
        "time/duration_s",
        "s",
        sum(stage.duration_s for stage in before) if before else None,
        sum(stage.duration_s for stage in after) if after else None,
    )
    why = _why(before, after, took) if before and after else ["only after" if after else "only before"]
    return StageChange(
        (after or before)[0].name if after or before else first.name, len(before), len(after), took, pairs, why
    )


def _why(before: Sequence[Any], after: Sequence[Any], took: Change) -> list[str]:
    """What else changed the same way as the time, the strongest first."""
    if small(took):
        return []
    found: list[tuple[float, str]] = []
    for label, names in STAGE_CAUSES.items():
        old = sum(stage.metrics.get(name, 0.0) for stage in before for name in names)
        new = sum(stage.metrics.get(name, 0.0) for stage in after for name in names)
        if label.endswith("tasks") and label == "tasks":
            if old != new:
                found.append((1.0, f"{old:,.0f} tasks before, {new:,.0f} after"))
            continue
        seconds_of = names[0].startswith(("time/", "shuffle/fetch"))
        if (new - old) * took.by <= 0 or (seconds_of and abs(new - old) < 0.1 * abs(took.by)):
            continue
        if not old or not new:
            found.append((10.0, f"{label}: none before" if not old else f"{label}: none after"))
        elif abs(new / old - 1) >= 0.2:
            found.append((abs(new / old - 1), f"{label} {new / old:.2g} times"))
    return [text for _, text in sorted(found, key=lambda one: -one[0])][:4]


def _findings(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    old, new = {_same(row) for row in before}, {_same(row) for row in after}
    return (
        [row for row in _by_cost(after) if _same(row) not in old],
        [row for row in _by_cost(before) if _same(row) not in new],
    )


def _by_cost(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(rows, key=lambda row: -(row.get("cost_ms") or 0))


def _same(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Findings with one code, cause and subject are the same one, whatever ids the subject has in its run; the
    application may have another name."""
    subject = "" if row.get("level") == "application" else plain(str(row.get("subject") or ""))
    return row.get("code"), row.get("cause"), row.get("level"), subject
