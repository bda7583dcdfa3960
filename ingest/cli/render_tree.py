"""Render an application's run tree, findings and issues for the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ...schemas.logs import EventLogTables
from ...schemas.runs.tree import Run, RunTree
from ...schemas.tables.training import MINIMUM_CONFIDENCE
from ..units import count, seconds, size
from . import console
from .console import rich_text, shortened

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

_FINDINGS = 10
_FIRST = "wall_time"  # printed before the tree
_ISSUES = 10
_NAME_WIDTH = 100
_UNPAIRED = (
    "trainings and evaluations cannot be paired to trials from this log. "
    "To get them exactly, add annotate.autolog() to the job, or start it with afterglow submit --annotate."
)
_SKEW_RATIO, _SKEW_S = 3.0, 1.0


def print_application(tables: EventLogTables, tree: RunTree, levels: Sequence[str], max_children: int) -> None:
    """Prints runs of these levels, of each run's children the `max_children` longest, then findings and issues.

    The first line says if the trials of a search are uncertain.
    """
    from rich.tree import Tree

    children: dict[str, Iterable[Run]] = dict(tree.children())
    if "task" in levels:
        children |= tree.tasks
    root = Tree(_line(tree.application))
    _add_children(root, tree.application, children, levels, max_children)
    out = console.wide_out()
    _print_unpaired(out, tables)
    _print_wall_time(out, tree.application)
    out.print(root)
    _print_findings(out, tree.application)
    _print_issues(out, tables)


def _print_unpaired(out: "Console", tables: EventLogTables) -> None:
    """Searches that ran trials at the same time and left nothing that tells them apart."""
    for row in tables["tunings"].to_pylist():
        if row["confidence"] is not None and row["confidence"] < MINIMUM_CONFIDENCE:
            name = shortened(row["tuning_uid"], _NAME_WIDTH)
            out.print(rich_text(f"{name}: {_UNPAIRED}", "yellow"))


def _print_wall_time(out: "Console", application: Run) -> None:
    for finding in application.findings:
        if finding.code == _FIRST:
            out.print(console.printable(finding.message))


def _add_children(
    node: "Tree", run: Run, children: Mapping[str, Iterable[Run]], levels: Sequence[str], max_children: int
) -> None:
    below = [child for child in children.get(run.key, ()) if child.level in levels]
    longest = {c.key for c in sorted(below, key=lambda c: -(c.duration_s or 0.0))[:max_children]}
    for child in below:
        if child.key in longest:
            _add_children(node.add(_line(child)), child, children, levels, max_children)
    if len(below) > max_children:
        node.add(rich_text(f"and {len(below) - max_children:,} shorter ones", "dim"))


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
            console.counted(round(figures.get("tasks/total", 0.0)), "task")
            + (f", {count(failed)} failed" if failed else "")
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
    if run.level == "stage" and skew >= _SKEW_RATIO and figures.get("task_duration_s/max", 0.0) >= _SKEW_S:
        parts.append(f"longest task {skew:.1f}x the median")
    return Text.assemble((shortened(run.name, _NAME_WIDTH), f"bold {color}".strip()), "  ", (", ".join(parts), "dim"))


def _print_findings(out: "Console", application: Run) -> None:
    from rich.text import Text

    costly = [finding for finding in application.findings if not finding.informational]
    if application.findings:
        out.print(Text("\nFindings, with the estimated cost of each" if costly else "", "bold"))
    for finding in costly[:_FINDINGS]:
        color = {"critical": "bold red", "warning": "yellow"}.get(finding.severity, "cyan")
        cost = f" {seconds(finding.cost_s)}" if finding.cost_s else ""
        title = f"{finding.code.replace('_', ' ')}: {shortened(finding.subject, _NAME_WIDTH)}: "
        advice = f" {finding.advice}"
        out.print(
            Text.assemble(
                (f"{finding.severity}{cost} ", color),
                (title, "bold"),
                console.printable(finding.message),
                (console.printable(advice), "dim"),
            )
        )
    if len(costly) > _FINDINGS:
        out.print(rich_text(f"and {len(costly) - _FINDINGS:,} more findings; see --json", "dim"))
    for finding in application.findings:
        if finding.informational and finding.code != _FIRST:
            out.print(rich_text(f"{finding.code.replace('_', ' ')}: {finding.message}", "dim"))


def _print_issues(out: "Console", tables: EventLogTables) -> None:
    application, issues = tables.application, tables["issues"].to_pylist()
    if not application["log_complete"]:
        out.print(rich_text(f"Note: {console.completeness_phrase(application['completeness'])}.", "yellow"))
    for issue in issues[:_ISSUES]:
        place = ":".join(str(part) for part in (issue["file"], issue["line"]) if part is not None)
        out.print(rich_text(f"{issue['severity']}: {place + ': ' if place else ''}{issue['message']}", "dim"))
    if len(issues) > _ISSUES:
        out.print(rich_text(f"and {console.counted(len(issues) - _ISSUES, 'more issue')}; see --json", "dim"))
