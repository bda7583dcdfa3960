"""Run tree and tables -> one side of a comparison."""

from collections.abc import Iterable
from typing import Any

from ...schemas.comparison import Side, StageFigures
from ...schemas.logs import EventLogTables
from ...schemas.runs.tree import Run, RunTree


def side_of(tree: RunTree, tables: EventLogTables, label: str) -> Side:
    """`label` is how the user called it."""
    app, root = tables.application, tree.application
    runs = [run for run in tree.runs if run.level == "stage"]
    return Side(
        label,
        app["app_id"],
        app["app_attempt"],
        root.name,
        bool(app["log_complete"]),
        root.metrics,
        _stages(runs, _plans(tables)),
        [row for row in _rows(tables, "findings") if row.get("cost_ms") or row.get("severity") != "note"],
        _quiet_s(root, runs),
        _problem(tree, tables),
        sum(run.status == "FAILED" for run in tree.runs if run.level == "job"),
    )


_CUT = {
    "in_progress": "is still running",
    "no_application_end": "has no end, its driver was killed",
    "truncated": "has a log that is cut off",
    "events_lost": "has a log that lacks events",
    "compacted": "has a log that Spark has compacted",
}


def _problem(tree: RunTree, tables: EventLogTables) -> str | None:
    """Why the application's times are not those of the whole work; None if they are."""
    root, completeness = tree.application, str(tables.application["completeness"])
    if root.status == "FAILED":
        job = next((job for job in tables["jobs"].to_pylist() if job["status"] == "FAILED"), None)
        return "failed" if job is None else f"failed, and so did its job {job['job_id']}"
    if completeness in _CUT:
        return _CUT[completeness]
    return "was killed" if root.status == "KILLED" else None


def _rows(tables: EventLogTables, name: str) -> list[dict[str, Any]]:
    """An older Afterglow's import may lack the table."""
    table = tables.tables.get(name)
    rows: list[dict[str, Any]] = [] if table is None else table.to_pylist()
    return rows


def _plans(tables: EventLogTables) -> dict[int, str | None]:
    stages = tables["stages"]
    if "plan_hash" not in stages.column_names:
        return {}
    return {row["stage_id"]: row["plan_hash"] for row in stages.select(["stage_id", "plan_hash"]).to_pylist()}


def _stages(runs: Iterable[Run], plans: dict[int, str | None]) -> list[StageFigures]:
    """Attempts of one stage are added up: a repeated attempt is part of the cost of the stage."""
    by_id: dict[int, list[Run]] = {}
    for run in sorted(runs, key=lambda run: (run.start_ms, run.key)):
        by_id.setdefault(int(run.tags["spark.stage.id"].split(".")[0]), []).append(run)
    found = []
    for order, (stage_id, attempts) in enumerate(by_id.items()):
        metrics: dict[str, float] = {}
        for attempt in attempts:
            for name, value in attempt.metrics.items():
                metrics[name] = metrics.get(name, 0.0) + value if name.startswith(_SUMS) else value
        name = attempts[0].name.partition(" · ")[2] or attempts[0].name
        took = sum(attempt.duration_s or 0.0 for attempt in attempts)
        found.append(StageFigures(stage_id, name, plans.get(stage_id), order, took, metrics))
    return found


_SUMS = ("time/", "io/", "shuffle/", "spill/", "tasks/")


def _quiet_s(root: Run, runs: Iterable[Run]) -> float:
    """Time of the application in which none of its stages ran."""
    spans = sorted((run.start_ms, run.end_ms) for run in runs if run.end_ms is not None)
    covered, until = 0, root.start_ms
    for start, end in spans:
        covered += max(end - max(start, until), 0)
        until = max(until, end)
    return max((root.duration_s or 0.0) - covered / 1e3, 0.0)
