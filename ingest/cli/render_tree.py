"""Render an application for the terminal: its result and findings first, then its runs as an aligned table."""

import re
import shlex
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ...schemas.logs import EventLogTables
from ...schemas.prices import CURRENCY_TAG, TOTAL
from ...schemas.runs.tree import Run, RunTree
from ...schemas.tables.training import MINIMUM_CONFIDENCE
from ..cost_parts import cost_parts
from ..units import count, percentages, score, seconds, significant, size
from . import console
from .console import rich_text, shortened

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_FINDINGS = 10
_FIRST = "wall_time"  # printed before everything else
_ISSUES = 10
_NAME_WIDTH = 100
_UNPAIRED = (
    "trainings and evaluations cannot be paired to trials from this log. "
    "To get them exactly, add annotate.autolog() to the job, or start it with afterglow submit --annotate."
)
_COLORS = {"FAILED": "red", "KILLED": "yellow", "RUNNING": "cyan"}
# title, width, whether text is aligned right
_COLUMNS = (("time", 11), ("bar", 6), ("tasks", 7), ("input", 7), ("shuffle", 7), ("spill", 7))
_FIGURES = ("io/input_bytes", "shuffle/read_bytes", "spill/disk_bytes")
_FIGURE = re.compile(r"(?<=\d) (?=(?:ms|s|min|h|B|kB|MB|GB|TB|tasks?|cores?)\b|%)|(?<=\d min) (?=\d)|(?<=\d h) (?=\d)")


def print_application(tables: EventLogTables, tree: RunTree, levels: Sequence[str], max_children: int) -> None:
    """Print the application, its result, findings and issues, and a table of the runs of these levels.

    Of each run's children, the `max_children` longest are printed, longest first. The first line says if the trials of
    a search are uncertain.
    """
    out = console.out()
    width = max(console.wide_out().width, 60)
    children: dict[str, Iterable[Run]] = dict(tree.children())
    if "task" in levels:
        children |= tree.tasks
    _print_unpaired(out, tables, width)
    _print_wall_time(out, tree.application, width)
    _print_cost(out, tree, width)
    _print_result(out, tree, width)
    _print_findings(out, tree.application, width)
    _print_issues(out, tables, width)
    out.print()
    out.print(_heading(width))
    for line in _rows(tree.application, children, levels, max_children, tree.application.duration_s or 0.0, width):
        out.print(line)


def _print_unpaired(out: "Console", tables: EventLogTables, width: int) -> None:
    """Searches that ran trials at the same time and left nothing that tells them apart."""
    for row in tables["tunings"].to_pylist():
        if row["confidence"] is not None and row["confidence"] < MINIMUM_CONFIDENCE:
            for line in _wrapped(f"{shortened(row['tuning_uid'], _NAME_WIDTH)}: {_UNPAIRED}", width):
                out.print(rich_text(line, "yellow"))


def _print_wall_time(out: "Console", application: Run, width: int) -> None:
    for finding in application.findings:
        if finding.code == _FIRST:
            for line in _wrapped(finding.message, width):
                out.print(rich_text(line))


def _print_cost(out: "Console", tree: RunTree, width: int) -> None:
    """What the application cost, and its parts with the greatest first."""
    parts: dict[str, float] = {}
    for part in cost_parts(tree.application, tree.children()):
        name = part.name or ("fits" if part.run is None or part.run.level == "fit" else f"{part.run.level}s")
        parts[name] = parts.get(name, 0.0) + part.cost
    total = tree.application.metrics.get(TOTAL)
    if total is None or not any(parts.values()):
        return
    shares = sorted(zip(percentages(list(parts.values())), parts, strict=True), key=lambda one: -one[0])
    words = ", ".join(f"{percent} % {name}" for percent, name in shares if parts[name])
    cost = f"{significant(total)} {tree.application.tags.get(CURRENCY_TAG, '')}".strip()
    for line in _wrapped(f"It cost {cost}: {words}.", width):
        out.print(rich_text(line))


def _print_result(out: "Console", tree: RunTree, width: int) -> None:
    from rich.text import Text

    run = tree.application
    ran = seconds(run.duration_s) if run.duration_s is not None else "running"
    version, cores = run.params.get("spark.version"), run.params.get("total_cores")
    facts = [ran, *([run.status.lower()] if run.status in ("FAILED", "KILLED") else [])]
    facts += [f"Spark {version}"] if version else []
    facts += [console.counted(int(cores), "core")] if cores else []
    out.print(Text.assemble((shortened(run.name, _NAME_WIDTH), "bold"), "  ", (", ".join(facts), "dim")))
    below = tree.children()
    for search in (one for one in tree.runs if one.level == "tuning"):
        number, metric = (search.tags.get(f"afterglow.tuning.{name}") for name in ("best_trial", "metric"))
        for trial in below.get(search.key, ()):
            if trial.level == "trial" and trial.tags.get("afterglow.trial") == number:
                average, deviation = (trial.metrics.get(f"{part}_{metric}") for part in ("avg", "std"))
                reached = "" if average is None else f" -> {metric} {score(average, deviation)}"
                fitting = seconds(trial.metrics.get("time/fit_s", trial.duration_s or 0.0))
                text = f"Best: {trial.name}{reached} (trial {number}, {fitting} of fitting)"
                for line in _wrapped(text, width):
                    out.print(rich_text(line, "bold green"))


def _heading(width: int) -> "Text":
    cells = [title.rjust(size) if title != "bar" else " " * size for title, size in _COLUMNS]
    return rich_text(" ".join(["run".ljust(_name_width(width)), *cells]).rstrip(), "bold")


def _name_width(width: int) -> int:
    return width - sum(size + 1 for _, size in _COLUMNS)


def _rows(
    run: Run,
    children: Mapping[str, Iterable[Run]],
    levels: Sequence[str],
    max_children: int,
    longest: float,
    width: int,
    depth: int = 0,
) -> "Iterator[Text]":
    yield _row(run, longest, width, depth)
    below = sorted(
        (child for child in children.get(run.key, ()) if child.level in levels),
        key=lambda child: -(child.duration_s or 0.0),
    )
    for child in below[:max_children]:
        yield from _rows(child, children, levels, max_children, longest, width, depth + 1)
    if len(below) > max_children:
        indent = "  " * (depth + 1)
        yield rich_text(f"{indent}and {len(below) - max_children:,} shorter ones", "dim")


def _row(run: Run, longest: float, width: int, depth: int) -> "Text":
    from rich.cells import set_cell_size
    from rich.text import Text

    state = f"{run.status.lower()} " if run.status in ("FAILED", "KILLED") else ""
    name = set_cell_size("  " * depth + state + console.printable(run.name), _name_width(width) - 1)
    share = (run.duration_s or 0.0) / longest if longest else 0.0
    bar = ("█" * round(share * _COLUMNS[1][1])).ljust(_COLUMNS[1][1])
    ran = seconds(run.duration_s) if run.duration_s is not None else "running"
    tasks = count(run.metrics["tasks/total"]) if run.metrics.get("tasks/total") and run.level != "task" else ""
    figures = [size(run.metrics[metric]) if run.metrics.get(metric) else "" for metric in _FIGURES]
    cells = [ran, bar, tasks, *figures]
    shown = [cell.rjust(column) for cell, (_, column) in zip(cells, _COLUMNS, strict=True)]
    return Text.assemble((name + "  ", _COLORS.get(run.status, "")), (" ".join(shown).rstrip(), "dim"))


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Lines of at most `width` characters. No line ends between a figure and its unit."""
    joined = _FIGURE.sub("\N{NO-BREAK SPACE}", console.printable(text))
    lines = textwrap.wrap(joined, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def _print_findings(out: "Console", application: Run, width: int) -> None:
    costly = [finding for finding in application.findings if not finding.informational]
    if application.findings:
        out.print()
    if costly:
        out.print(rich_text("Findings, with the estimated cost of each", "bold"))
    for finding in costly[:_FINDINGS]:
        color = {"critical": "bold red", "warning": "yellow"}.get(finding.severity, "cyan")
        cost = f" {seconds(finding.cost_s)}" if finding.cost_s else ""
        title = f"{finding.severity}{cost} {finding.code.replace('_', ' ')}: "
        head, *rest = _wrapped(f"{title}{shortened(finding.subject, _NAME_WIDTH)}: {finding.message}", width, "  ")
        out.print(rich_text(head, color))
        for line in rest:
            out.print(rich_text(line))
        for line in _wrapped(f"  To do: {finding.advice}", width, "  "):
            out.print(rich_text(line, "dim"))
        for number, setting in enumerate(finding.settings):
            out.print(rich_text(f"  {'    ' if number else 'Try:'} --conf {shlex.quote(setting)}", "dim"))
    if len(costly) > _FINDINGS:
        out.print(rich_text(f"and {len(costly) - _FINDINGS:,} more findings; see --json", "dim"))
    for finding in application.findings:
        if finding.informational and finding.code != _FIRST:
            for line in _wrapped(f"{finding.code.replace('_', ' ')}: {finding.message}", width, "  "):
                out.print(rich_text(line, "dim"))


def _print_issues(out: "Console", tables: EventLogTables, width: int) -> None:
    application, issues = tables.application, tables["issues"].to_pylist()
    if not application["log_complete"]:
        out.print(rich_text(f"Note: {console.completeness_phrase(application['completeness'])}.", "yellow"))
    for issue in issues[:_ISSUES]:
        place = ":".join(str(part) for part in (issue["file"], issue["line"]) if part is not None)
        for line in _wrapped(f"{issue['severity']}: {place + ': ' if place else ''}{issue['message']}", width, "  "):
            out.print(rich_text(line, "dim"))
    if len(issues) > _ISSUES:
        out.print(rich_text(f"and {console.counted(len(issues) - _ISSUES, 'more issue')}; see --json", "dim"))
