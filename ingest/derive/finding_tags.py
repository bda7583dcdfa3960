"""Group an application's findings by run, and make the tags, cost and counts that the run gets."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...schemas.findings import FINDING_CODES
from ...schemas.findings.interface import SEVERITIES
from ...schemas.findings.threshold_overrides import Finding
from ...schemas.runs.params_tags import finding_tag
from ..units import seconds


def findings_by_run(rows: Sequence[Mapping[str, Any]], root: str) -> dict[str, list[Finding]]:
    """Run key -> its findings, most expensive first. `rows` are those of the findings table, `root` is the
    application's key.

    The application gets all findings that no other finding covers. A task's finding is also its stage's.
    """
    found: dict[str, list[Finding]] = {root: []}
    for row in rows:
        one = Finding(
            _key(row, root),
            row["code"],
            row["severity"],
            None if row["cost_ms"] is None else row["cost_ms"] / 1e3,
            row["cause"],
            row["subject"],
            row["message"],
            row["advice"],
            row["covered_by"],
            tuple(row["settings"] or ()),
        )
        keys = [_task(row, root) if row["level"] == "task" else one.run]
        if one.covered_by is None:
            keys += [one.run, root]
        for key in dict.fromkeys(keys):
            found.setdefault(key, []).append(one)
    return found


def tags_of(level: str, findings: Sequence[Finding]) -> dict[str, str]:
    """One tag per finding code of this level: severity, cost and message of the most expensive finding."""
    tags: dict[str, str] = {}
    more: dict[str, int] = {}
    for one in findings:
        code = FINDING_CODES[one.code]
        if level not in code.carriers:
            continue
        name = finding_tag(one.code)
        if name in tags:
            more[name] = more.get(name, 0) + 1
            continue
        cost = "" if one.cost_s is None else f", {seconds(one.cost_s)}"
        who = f"{one.subject}: " if code.level in ("executor", "host") else ""
        tags[name] = f"{one.severity}{cost}: {who}{one.message}"
    return {name: text + (f" And {more[name]:,} more." if name in more else "") for name, text in tags.items()}


def metrics_of(level: str, findings: Sequence[Finding]) -> dict[str, float]:
    """The cost of the most expensive finding. The application also gets the number of findings by severity."""
    costs = [one.cost_s for one in findings if one.cost_s is not None]
    if level != "application":
        return {"findings/cost_s": max(costs)} if costs else {}
    counts = {
        f"findings/{severity}": float(sum(one.severity == severity and not one.informational for one in findings))
        for severity in SEVERITIES
    }
    return {**counts, "findings/cost_s": max(costs, default=0.0)}


def _key(row: Mapping[str, Any], root: str) -> str:
    level = row["level"]
    if level in ("stage", "task"):  # not every task has a run
        return f"{root}/stage/{row['stage_id']}.{row['stage_attempt']}"
    if level == "job":
        return f"{root}/job/{row['job_id']}"
    if level in ("tuning", "trial"):
        tuning = f"{root}/tuning/{row['tuning_uid']}"
        return tuning if level == "tuning" else f"{tuning}/trial/{row['trial']}"
    return root


def _task(row: Mapping[str, Any], root: str) -> str:
    return f"{root}/task/{row['stage_id']}.{row['stage_attempt']}/{row['task_id']}"
