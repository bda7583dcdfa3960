"""ReportData -> the data that the report's script draws, within the limits of schemas.pictures."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...schemas.report import REPORT_STAGES, REPORT_TASKS
from ...schemas.runs.tree import Run
from ..arrow import Array
from ..control_characters import replace_controls
from ..units import count, seconds, share
from .lane_layout import lanes
from .report_data import OUTCOMES, ReportData
from .time_breakdown import PARTS

_NAME = 120
_FOLDERS = re.compile(r"(?<= )/(?:[^/ ]+/)+(?=[^/ ])")


def payload(data: ReportData) -> Mapping[str, Any]:
    """The report's data. Times are milliseconds since the application's start."""
    tasks = data.tasks
    drawn = longest(tasks.duration, REPORT_TASKS)
    # a task is launched when its core is free, which may be before Spark has the result of the one before
    lane, heights = lanes(
        tasks.executor[drawn],
        tasks.start[drawn],
        (tasks.start + tasks.duration)[drawn],
        [data.cores.get(name) for name in data.executors],
    )
    base = np.concatenate(([0], np.cumsum(heights)))[:-1] if heights else np.empty(0, int)
    shown = stages_drawn(data)
    return {
        "span": data.end - data.start,
        "executors": [
            {"name": replace_controls(name[:_NAME]), "slots": slots}
            for name, slots in zip(data.executors, heights, strict=False)
        ],
        "parts": PARTS,
        "outcomes": OUTCOMES,
        "stages": _stages(data, shown),
        "names": [short_name(run) for run in data.stages],
        "stage": tasks.stage[drawn],
        "executor": tasks.executor[drawn],
        "lane": lane + base[tasks.executor[drawn]] if len(drawn) else lane,
        "index": tasks.index[drawn],
        "start": np.maximum(tasks.start[drawn] - data.start, 0),
        "duration": tasks.duration[drawn],
        "bytes": np.maximum(tasks.bytes[drawn], 0),
        "part": tasks.part[drawn] + 1,
        "outcome": tasks.outcome[drawn],
        "straggler": np.round(tasks.straggler[drawn] * 10).astype(np.int64),
        "scatter": stages_to_choose(data, drawn),
        "causes": {
            str(i): data.causes[task] for i, task in enumerate(tasks.task_id[drawn].tolist()) if task in data.causes
        },
    }


def longest(duration: Array, at_most: int) -> Array:
    """Positions of the longest, in their original order."""
    if len(duration) <= at_most:
        return np.arange(len(duration))
    return np.sort(np.argsort(-duration, kind="stable")[:at_most])


def left_out(data: ReportData) -> str | None:
    """A sentence about the tasks that the plot leaves out."""
    number = len(data.tasks) - REPORT_TASKS
    if number <= 0:
        return None
    total = int(data.tasks.duration.sum())
    kept = int(data.tasks.duration[longest(data.tasks.duration, REPORT_TASKS)].sum())
    return (
        f"The {count(REPORT_TASKS)} longest of {count(len(data.tasks))} tasks are drawn. The {count(number)} shorter "
        f"ones, together {share((total - kept) / max(total, 1))} of the task time, are left out here and counted "
        "everywhere else."
    )


def stages_drawn(data: ReportData) -> list[int]:
    """The longest stages and those on the critical path, by start."""
    by_length = sorted(
        range(len(data.stages)), key=lambda i: (i not in data.critical, -(data.stages[i].duration_s or 0), i)
    )
    return sorted(by_length[:REPORT_STAGES])


def stages_to_choose(data: ReportData, drawn: Array) -> list[int]:
    """The stages that you can select in the report: first those with stragglers, then by their longest task."""
    stage, duration = data.tasks.stage[drawn], data.tasks.duration[drawn]
    number = len(data.stages)
    tasks, longest_of, lost = np.bincount(stage, minlength=number), np.zeros(number), np.zeros(number)
    np.maximum.at(longest_of, stage, duration)
    named = data.tasks.straggler[drawn] > 0
    np.add.at(lost, stage[named], duration[named])
    order = sorted(np.flatnonzero(tasks >= 2).tolist(), key=lambda i: (-lost[i], tasks[i] < 4, -longest_of[i], i))
    return order[:40]


def _stages(data: ReportData, shown: Sequence[int]) -> list[Mapping[str, Any]]:
    start = np.array([data.stages[i].start_ms for i in shown], np.int64)
    end = np.array([data.stages[i].end_ms for i in shown], np.int64)
    lane, _ = lanes(np.zeros(len(shown), int), start, end)
    return [
        {
            "name": short_name(data.stages[i]),
            "start": int(start[k]) - data.start,
            "end": int(end[k]) - data.start,
            "lane": int(lane[k]),
            "critical": i in data.critical,
            "failed": data.stages[i].status == "FAILED",
            "tasks": int(data.stages[i].metrics.get("tasks/total", 0)),
            "cost": seconds(data.stages[i].metrics.get("time/executor_run_s", 0.0)),
        }
        for k, i in enumerate(shown)
    ]


def short_name(run: Run, at_most: int = _NAME) -> str:
    """A run's name on one line, with paths shortened to the file name."""
    name = replace_controls(_FOLDERS.sub("", " ".join(run.name.split())))
    return name if len(name) <= at_most else name[: at_most - 1] + "…"
