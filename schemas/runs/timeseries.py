"""Figures over time: the `system/` metrics of the application run, which MLflow draws on its System metrics tab."""

POINTS = 120
"""Points of one figure; of an application with fewer tasks as many as tasks, and at least LEAST_POINTS."""
LEAST_POINTS = 10
EXECUTORS = 8
"""Executors whose memory is shown: those that ran the most tasks' time."""

EXECUTOR_FIGURES = {
    "heap_megabytes": ("jvm_heap_bytes", "Peak heap of the executor's JVM."),
    "off_heap_megabytes": ("jvm_off_heap_bytes", "Peak memory of the JVM beside its heap."),
    "storage_megabytes": ("storage_bytes", "Peak memory taken by cached and broadcast blocks."),
    "rss_megabytes": ("rss_bytes", "Peak resident memory of the executor's processes."),
}
"""Metric of one executor -> its column in executor_metrics, and what it is. Megabytes, as MLflow's own system metrics
have: its charts write 15 GB as 15000000000 otherwise."""
MEGABYTE = 1e6
