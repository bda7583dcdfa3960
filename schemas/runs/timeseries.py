"""Time series: the `system/` metrics of the application run, which MLflow shows on its System metrics tab."""

POINTS = 120
"""Points of one series. An application with fewer tasks has as many points as tasks, at least LEAST_POINTS."""
LEAST_POINTS = 10
EXECUTORS = 8
"""Executors whose memory is shown: those with the most task time."""

EXECUTOR_FIGURES = {
    "heap_megabytes": ("jvm_heap_bytes", "Peak heap of the executor's JVM."),
    "off_heap_megabytes": ("jvm_off_heap_bytes", "Peak memory of the JVM outside the heap."),
    "storage_megabytes": ("storage_bytes", "Peak memory of cached and broadcast blocks."),
    "rss_megabytes": ("rss_bytes", "Peak resident memory of the executor's processes."),
}
"""Metric of one executor -> its column in executor_metrics and its description. The unit is megabytes, as in MLflow's
own system metrics, because its charts would show 15 GB as 15000000000."""
MEGABYTE = 1e6
