"""Plot one stage attempt: the durations of its tasks against the bytes read and the launch time."""

import numpy as np

from ...schemas.report import STAGE_PLOTS, STAGE_POINTS
from ...schemas.runs.tree import Run
from ..arrow import Array
from ..units import count, seconds, share
from .payload import longest, short_name
from .report_data import ReportData
from .scatter_svg import Point, draw_panels, size_axis, time_axis
from .time_breakdown import PARTS

_NAMED = 4
_WORTH_S, _WORTH_SHARE = 5.0, 0.2
"""A stage with this duration and this share of the application gets a plot even if it has no finding."""


def choose_stages(data: ReportData, at_most: int = STAGE_PLOTS) -> list[int]:
    """Positions of the stages to plot: those with a finding, stragglers or spill, and those that took most of the
    time."""
    tasks = np.bincount(data.tasks.stage, minlength=len(data.stages))
    lost = np.zeros(len(data.stages))
    named = data.tasks.straggler > 0
    np.add.at(lost, data.tasks.stage[named], data.tasks.duration[named] / 1e3)
    ids = {run.tags["spark.stage.id"]: i for i, run in enumerate(data.stages)}
    for row in data.findings:
        at = ids.get(f"{row['stage_id']}.{row['stage_attempt']}")
        if at is not None:
            lost[at] += (row.get("cost_ms") or 1) / 1e3
    for i, run in enumerate(data.stages):
        if run.metrics.get("spill/disk_bytes"):
            lost[i] += (run.duration_s or 0.0) / 2
        if (run.duration_s or 0.0) >= max(_WORTH_S, _WORTH_SHARE * data.duration_s):
            lost[i] += (run.duration_s or 0.0) / 10
    order = sorted(np.flatnonzero((lost > 0) & (tasks >= 2)).tolist(), key=lambda i: (-lost[i], i))
    return order[:at_most]


def plot_stage(data: ReportData, number: int) -> bytes:
    """SVG of the stage at this position."""
    run, at = data.stages[number], np.flatnonzero(data.tasks.stage == number)
    tasks = data.tasks
    duration, read = tasks.duration[at], tasks.bytes[at]
    median = float(np.median(duration))
    named = [i for i in np.argsort(-duration, kind="stable").tolist() if tasks.straggler[at[i]] > 0][:_NAMED]
    drawn = _thinned(duration)
    rest = [i for i in drawn if i not in named]
    time = time_axis("task time", float(duration.max()))
    began = np.maximum(tasks.start[at] - run.start_ms, 0)
    against_bytes = [_point(data, at[i], float(read[i]), float(duration[i]), "") for i in rest]
    against_bytes += [_point(data, at[i], float(read[i]), float(duration[i]), _label(data, int(at[i]))) for i in named]
    against_start = [_point(data, at[i], float(began[i]), float(duration[i]), "") for i in (*rest, *named)]
    panels = [
        (
            "task time against when it began",
            time_axis("since the stage began", float(began.max())),
            time,
            against_start,
            median,
        )
    ]
    if read.max() > 0:
        panels.insert(
            0, ("task time against bytes read", size_axis("bytes read", float(read.max())), time, against_bytes, median)
        )
    elif named:
        panels[0] = (
            *panels[0][:3],
            [
                *against_start[: len(rest)],
                *(_point(data, at[i], float(began[i]), float(duration[i]), _label(data, int(at[i]))) for i in named),
            ],
            median,
        )
    return draw_panels(panels, short_name(run), _foot(run, len(at), len(drawn), median))


def _thinned(duration: Array) -> list[int]:
    """The longest tasks and every n-th of the others, which keeps the shape of the plot."""
    if len(duration) <= STAGE_POINTS:
        return list(range(len(duration)))
    kept = set(longest(duration, STAGE_POINTS // 2).tolist())
    others = [i for i in range(len(duration)) if i not in kept]
    return sorted([*kept, *others[:: len(others) // (STAGE_POINTS // 2) + 1]])


def _point(data: ReportData, task: int, x: float, y: float, label: str) -> Point:
    kind = "bad" if data.tasks.outcome[task] else "slow" if data.tasks.straggler[task] > 0 else "plain"
    return Point(x, y, kind, label)


def _label(data: ReportData, task: int) -> str:
    cause, part = data.causes.get(int(data.tasks.task_id[task])), int(data.tasks.part[task])
    where = data.executors[int(data.tasks.executor[task])]
    where = f"executor {where}" if where.isdecimal() else where
    return f"task {data.tasks.index[task]} on {where}" + (f": {cause or PARTS[part]}" if cause or part >= 0 else "")


def _foot(run: Run, number: int, drawn: int, median: float) -> str:
    parts = [f"{count(number)} tasks, median {seconds(median / 1e3)} (dashed)"]
    if drawn < number:
        parts.append(f"{count(drawn)} drawn: the longest and every n-th")
    if run.metrics.get("executors/idle_ratio"):
        parts.append(f"cores idle {share(run.metrics['executors/idle_ratio'])}")
    parts.append("orange: stragglers")
    if run.metrics.get("tasks/failed") or run.metrics.get("tasks/killed"):
        parts.append("red: failed or killed")
    return " · ".join(parts)
