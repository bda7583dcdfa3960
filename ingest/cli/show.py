"""`afterglow show LOG`"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...schemas.runs.tree import Run, RunTree
from ..units import count, seconds, size
from . import console as terminal
from . import options

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree


def show(
    logs: options.Logs,
    depth: Annotated[str, typer.Option(help="Deepest level to print: application, job, stage or task.")] = "stage",
    limit: Annotated[int, typer.Option(min=1, help="Runs to print below each run; the longest are kept.")] = 20,
    report: Annotated[
        str | None,
        typer.Option(help="Write the report, one HTML file, here; of several logs a folder.", show_default=False),
    ] = None,
    findings: options.Findings = None,
    threshold: options.Threshold = None,
    strict: options.Strict = False,
    as_json: options.Json = False,
    workers: options.Workers = None,
    max_line_bytes: options.MaxLineBytes = 256 * 2**20,
    max_ratio: options.MaxRatio = 1000,
) -> None:
    """Print the tree and the figures of event logs in the terminal. Needs no MLflow."""
    from ...schemas.runs.levels import LEVELS
    from ..engines.local import show_logs
    from ..errors import AfterglowError
    from ..find_logs import find_logs
    from ..options import ReadOptions
    from ..pipeline import write_report

    levels = [level.level for level in LEVELS]
    if depth not in levels:
        raise typer.BadParameter(f"{depth!r} is none of {', '.join(levels)}", param_hint="--depth")
    thresholds = options.thresholds(findings, threshold)
    batch = terminal.Batch(strict)
    with terminal.errors():
        read = ReadOptions(max_line_bytes, max_ratio, workers or terminal.cores(), thresholds)
        found = list(find_logs(logs))
        for one in show_logs(found, read, "all" if depth == "task" else "none"):
            if isinstance(one, AfterglowError):
                batch.failure(one)
                continue
            app, tree = one
            tables = app.tables
            batch.success(tables.application["log_complete"])
            if report is not None:
                write_report(app, tree, report, folder=len(found) > 1)
            shown = levels[: levels.index(depth) + 1]
            if as_json:
                terminal.print_json(
                    {
                        "application": tables.application,
                        "issues": tables["issues"].to_pylist(),
                        "findings": tables["findings"].to_pylist(),
                        "runs": [_as_dict(run) for run in tree.all() if run.level in shown],
                    }
                )
            else:
                _print(tables, tree, shown, limit)
    raise typer.Exit(batch.exit_code)


def _as_dict(run: Run) -> dict[str, Any]:
    return {
        "level": run.level,
        "key": run.key,
        "parent": run.parent,
        "name": run.name,
        "status": run.status,
        "start_ms": run.start_ms,
        "end_ms": run.end_ms,
        "params": run.params,
        "metrics": run.metrics,
    }


def _print(tables: Any, tree: RunTree, shown: Sequence[str], limit: int) -> None:
    from rich.text import Text
    from rich.tree import Tree

    below = {**tree.children(), **(tree.tasks if "task" in shown else {})}
    root = Tree(_line(tree.application))
    _add(root, tree.application, below, shown, limit)
    console = terminal.tree_out()
    console.print(root)
    _print_findings(console, tree.application)
    application, issues = tables.application, tables["issues"].to_pylist()
    if not application["log_complete"]:
        console.print(Text(f"The log is not complete: {application['completeness'].replace('_', ' ')}.", "yellow"))
    for issue in issues[:10]:
        place = ":".join(str(part) for part in (issue["file"], issue["line"]) if part is not None)
        console.print(Text(f"{issue['severity']}: {place + ': ' if place else ''}{issue['message']}", "dim"))
    if len(issues) > 10:
        console.print(Text(f"and {len(issues) - 10:,} more issues; see --json", "dim"))


_FINDINGS = 10


def _print_findings(console: Any, application: Run) -> None:
    from rich.text import Text

    told = [one for one in application.findings if not one.informational]
    if application.findings:
        console.print(Text("\nWhat cost time, as estimated" if told else "", "bold"))
    for one in told[:_FINDINGS]:
        color = {"critical": "bold red", "warning": "yellow"}.get(one.severity, "cyan")
        cost = f" {seconds(one.cost_s)}" if one.cost_s else ""
        subject = one.subject if len(one.subject) <= 100 else one.subject[:99] + "…"
        line = (f"{one.severity}{cost} ", color), (f"{one.code.replace('_', ' ')}: {subject}: ", "bold"), one.message
        console.print(Text.assemble(*line, (f" {one.advice}", "dim")))
    if len(told) > _FINDINGS:
        console.print(Text(f"and {len(told) - _FINDINGS:,} more findings; see --json", "dim"))
    for one in application.findings:
        if one.informational:
            console.print(Text(f"{one.code.replace('_', ' ')}: {one.message}", "dim"))


def _add(at: "Tree", run: Run, below: Mapping[str, Any], shown: Sequence[str], limit: int) -> None:
    from rich.text import Text

    children = [child for child in below.get(run.key, ()) if child.level in shown]
    longest = {c.key for c in sorted(children, key=lambda c: -(c.duration_s or 0.0))[:limit]}
    for child in children:
        if child.key in longest:
            _add(at.add(_line(child)), child, below, shown, limit)
    if len(children) > limit:
        at.add(Text(f"and {len(children) - limit:,} shorter ones", "dim"))


def _line(run: Run) -> "Text":
    from rich.text import Text

    color = {"FAILED": "red", "KILLED": "yellow", "RUNNING": "cyan"}.get(run.status, "")
    figures = run.metrics
    parts = [seconds(run.duration_s) if run.duration_s is not None else "running"]
    if run.status in ("FAILED", "KILLED"):
        parts.append(run.status.lower())
    if run.level != "task":
        failed = figures.get("tasks/failed", 0.0)
        parts.append(
            f"{count(figures.get('tasks/total', 0.0))} tasks" + (f", {count(failed)} failed" if failed else "")
        )
    for label, name in (
        ("in", "io/input_bytes"),
        ("out", "io/output_bytes"),
        ("shuffle read", "shuffle/read_bytes"),
        ("shuffle written", "shuffle/write_bytes"),
        ("spilled", "spill/disk_bytes"),
    ):
        if figures.get(name):
            parts.append(f"{label} {size(figures[name])}")
    skew = figures.get("skew/duration_max_over_median", 0.0)
    if run.level == "stage" and skew >= 3 and figures.get("task_duration_s/max", 0.0) >= 1:
        parts.append(f"longest task {skew:.1f}x the median")
    name = run.name if len(run.name) <= 100 else run.name[:99] + "…"
    return Text.assemble((" ".join(name.split()), f"bold {color}".strip()), "  ", (", ".join(parts), "dim"))
