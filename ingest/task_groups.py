"""Compute medians of groups, and group the tasks of every stage by executor or host."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .arrow import Array


@dataclass(frozen=True, slots=True)
class ExecutorGroups:
    """Tasks grouped by stage and executor (or host).

    `rows` are positions in the tasks table, `group_of` the group of each. Per group: `stage`, `executor` (a code into
    the names given), `number` of tasks, `median` of their durations in ms, and `others`, the mean of the medians of the
    stage's other groups, weighted by their tasks; NaN where the stage has no other group.
    """

    rows: Array
    group_of: Array
    stage: Array
    executor: Array
    number: Array
    median: Array
    others: Array


def group_by_executor(
    rows: Array, duration: Array, stage_of: Array, codes: Array, names: Sequence[str], num_stages: int
) -> ExecutorGroups:
    """The groups of the tasks at `rows`; `duration`, `stage_of` and `codes` (the executor) are columns of all tasks."""
    width = max(len(names), 1)
    groups, group_of = np.unique(stage_of[rows] * width + codes[rows], return_inverse=True)
    number = np.bincount(group_of, minlength=len(groups))
    median = medians(duration[rows], group_of, len(groups))
    stage, executor = groups // width, groups % width
    in_stage = np.bincount(stage, weights=number, minlength=num_stages)[stage]
    weighted = np.bincount(stage, weights=number * median, minlength=num_stages)[stage]
    elsewhere = in_stage - number
    with np.errstate(divide="ignore", invalid="ignore"):
        others = np.where(elsewhere > 0, (weighted - number * median) / elsewhere, np.nan)
    return ExecutorGroups(rows, group_of, stage, executor, number, median, others)


def medians(values: Array, groups: Array, number: int) -> Array:
    """The median value of every group 0..number-1; NaN for an empty group."""
    result = np.full(number, np.nan)
    if not len(values):
        return result
    ordered_groups, ordered = _sorted(values, groups)
    begins = np.flatnonzero(np.concatenate(([True], ordered_groups[1:] != ordered_groups[:-1])))
    counts = np.diff(np.append(begins, len(ordered_groups)))
    low, high = ordered[begins + (counts - 1) // 2], ordered[begins + counts // 2]
    result[ordered_groups[begins]] = low / 2 + high / 2  # the sum may overflow int64
    return result


def _sorted(values: Array, groups: Array) -> tuple[Array, Array]:
    """Groups and values, sorted by both."""
    span = int(values.max()) + 1 if np.issubdtype(values.dtype, np.integer) and values.min() >= 0 else 0
    # combined into one number, they sort ten times as fast as pairs
    if span and groups.min() >= 0 and (int(groups.max()) + 1) * span < 2**63:
        both = np.sort(groups.astype(np.int64) * span + values)
        return both // span, both % span
    order = np.lexsort((values, groups))
    return groups[order], values[order]
