"""What is drawn: the files, on which runs they are, and how many things a picture holds before it is thinned."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Wanted = Literal["auto", "all", "none"]
"""`auto` draws where there is something to see (see AUTO_*), `all` always, `none` nothing."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One file that is drawn: its name among the artifacts, the levels of the runs that have it, what it shows."""

    file: str
    levels: tuple[str, ...]
    doc: str


REPORT = Picture(
    "report.html",
    ("application",),
    "Headline figures, findings, tasks on executors over time, stages over time with the critical path, task time "
    "against bytes with the stragglers named, trials. One file, needs no network.",
)
STAGE_TASKS = Picture(
    "tasks.svg",
    ("stage",),
    "Of a stage worth looking at: every task's time against the bytes it read, and against its start.",
)
PICTURES = (REPORT, STAGE_TASKS)

AUTO_TASKS = 20
AUTO_SECONDS = 10.0
"""`auto`: an application with as many tasks that took as long, or with a search or a finding, gets a report."""

REPORT_TASKS = 20_000
"""Tasks that a report draws: the longest. How many it leaves out, and what they come to, stands beside the picture."""
REPORT_STAGES = 1_000
REPORT_TRIALS = 100
"""Trials of one search."""
REPORT_SEARCHES = 20
REPORT_FINDINGS = 50
STAGE_PICTURES = 10
"""Stages of one application that get a picture of their own."""
STAGE_POINTS = 1_500
"""Tasks in a stage's own picture: the longest, and of the rest every n-th."""

STRAGGLER_RATIO, STRAGGLER_MS = 3.0, 1_000
"""A task that is named in a picture: so many times its stage's median, and so much longer than it."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """The files drawn for one application: run key -> file name -> content."""

    files: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
