"""The files that are drawn: their names, the runs that have them, and how many tasks and stages they show."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ReportPolicy = Literal["auto", "all", "none"]
"""`auto` draws a report where AUTO_* says so, `all` always, `none` never."""


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A kind of file: its name among the artifacts, the levels of the runs that may have it, what it shows."""

    file: str
    levels: tuple[str, ...]
    doc: str


REPORT = ReportFile(
    "report.html",
    ("application",),
    "Key figures, trials, findings, timelines of tasks and stages with the critical path, task time against bytes, "
    "stages as a table, SQL queries with their operators, executors, cached RDDs, and the configuration where it "
    "differs from Spark's defaults. One file that needs no network.",
)
STAGE_TASKS = ReportFile(
    "tasks.svg",
    ("stage",),
    "Plot of a stage: the duration of every task against the bytes it read, and against its start.",
)
REPORT_FILES = (REPORT, STAGE_TASKS)

AUTO_TASKS = 20
AUTO_SECONDS = 10.0
"""`auto` draws an application with this many tasks and seconds, or with a search, a fit, a session, a failure, or a
finding that is not a figure of every application."""

REPORT_TASKS = 20_000
"""Tasks that a report draws, the longest first. The report says how many it leaves out."""
REPORT_STAGES = 1_000
REPORT_TRIALS = 100
"""Trials of one search."""
REPORT_SEARCHES = 20
REPORT_FINDINGS = 50
REPORT_TABLE_STAGES = 300
"""Rows of the table of stages."""
REPORT_QUERIES = 20
REPORT_QUERY_NODES = 80
"""SQL executions with a card, the longest first, and operators of one card."""
REPORT_EXECUTORS = 100
REPORT_CACHED = 50
"""Rows of the tables of executors and of cached RDDs."""
STAGE_PLOTS = 10
"""Stages of one application that have a plot."""
STAGE_POINTS = 1_500
"""Tasks in the plot of a stage: the longest, and of the rest every n-th."""


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """The files of one application: run key -> file name -> content. `nothing_to_see` means that `auto` drew no
    report, which the application's description states."""

    files: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    nothing_to_see: bool = False
