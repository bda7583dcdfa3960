"""Tables -> the run tree: names, times, statuses and the figures of every level (schemas.run_metrics)."""

from .limit_runs import RunLimits
from .tree import TaskRuns, derive

__all__ = ["RunLimits", "TaskRuns", "derive"]
