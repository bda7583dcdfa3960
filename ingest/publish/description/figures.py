"""The table of a run's figures."""

from collections.abc import Callable, Sequence

from ....schemas.runs.tree import Run
from ...units import count, seconds, share, size
from .text import table

# label, metric, how it is shown
_FIGURES: Sequence[tuple[str, str, Callable[[float], str]]] = (
    ("trials", "trials/total", count),
    ("fits", "fits/total", count),
    ("failed fits", "fits/failed", count),
    ("fitting time", "time/fit_s", seconds),
    ("evaluation time", "time/evaluate_s", seconds),
    ("tasks", "tasks/total", count),
    ("failed tasks", "tasks/failed", count),
    ("skipped stages", "stages/skipped", count),
    ("run time of all tasks", "time/executor_run_s", seconds),
    ("CPU", "time/executor_cpu_s", seconds),
    ("garbage collection", "time/gc_s", seconds),
    ("median task", "task_duration_s/p50", seconds),
    ("longest task", "task_duration_s/max", seconds),
    ("input", "io/input_bytes", size),
    ("output", "io/output_bytes", size),
    ("shuffle read", "shuffle/read_bytes", size),
    ("shuffle written", "shuffle/write_bytes", size),
    ("spilled to disk", "spill/disk_bytes", size),
    ("peak execution memory", "memory/peak_execution_bytes", size),
    ("cores idle", "executors/idle_ratio", share),
)
_OF_ALL_FITS = {"time/fit_s", "time/evaluate_s"}


def figures(run: Run) -> str:
    """The figures that are not 0, under a heading."""
    rows = []
    for label, name, form in _FIGURES:
        if run.metrics.get(name):
            of = " of all trials" if run.level == "tuning" and name in _OF_ALL_FITS else ""
            rows.append((label + of, form(run.metrics[name])))
    return table("Figures", ("figure", "value"), rows)
