"""Tables -> the run tree: names, times, statuses and the figures of every level, as schemas.runs declares them."""

from .tree import TaskRuns, derive

__all__ = ["TaskRuns", "derive"]
