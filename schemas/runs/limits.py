"""How many runs and points of metric histories an application may have. What has no run is in the tables."""

MAX_TASK_RUNS = 2_000
"""Of more tasks only the notable ones get a run."""
MAX_JOB_RUNS = 1_000
MAX_STAGE_RUNS = 2_000
"""Of more jobs or stages those that failed or have a finding are kept, then some of each kind, then the slowest."""
QUERY_JOB_RUNS = 50
"""Jobs of one structured streaming query that get a run."""
RUNS_PER_KIND = 3
"""The slowest of each kind, by name without numbers, that are kept before any other."""
HISTORY_POINTS = 1_000
"""Points of one metric's history. Of more, the highest are kept, and of the rest every n-th."""
