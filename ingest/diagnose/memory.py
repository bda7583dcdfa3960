"""Find stages with too little memory: spill and garbage collection."""

from collections.abc import Iterator

import numpy as np

from ..application_view import ApplicationView
from ..units import count, seconds, share, size
from .ranking import Candidate, about_stage


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return findings about single stages. Those of stages with one name are merged later."""
    if not len(app):
        return
    yield from _spill(app)
    yield from _gc(app)


def _spill(app: ApplicationView) -> Iterator[Candidate]:
    disk, memory = app.sums(app.column("disk_spilled_bytes")), app.sums(app.column("memory_spilled_bytes"))
    run = app.sums(app.column("executor_run_time_ms"))
    read = app.sums(app.column("shuffle_read_bytes")) + app.sums(app.column("input_bytes"))
    for stage in np.flatnonzero(disk >= app.threshold("spill", "spilled_bytes")).tolist():
        rows = app.rows(stage)
        spilled = int((app.column("disk_spilled_bytes")[rows] > 0).sum())
        again = min(disk[stage] / read[stage], 1.0) if read[stage] else 0.0
        spent = max(memory[stage] / app.threshold("spill", "spill_bytes_per_s") * 1e3, run[stage] * again / (2 + again))
        cost = spent / app.at_once[stage]
        start, end = app.span(stage)
        yield Candidate(
            "spill",
            float(min(cost, end - start)),
            message=f"{count(spilled)} of {count(len(rows))} tasks spilled {size(memory[stage])} of memory, "
            f"{size(disk[stage])} on disk.",
            figures={"memory_bytes": memory[stage], "disk_bytes": disk[stage], "num_tasks": spilled},
            **about_stage(app, stage),
        )


def _gc(app: ApplicationView) -> Iterator[Candidate]:
    gc, run = app.sums(app.within_run_time("jvm_gc_time_ms")), app.sums(app.column("executor_run_time_ms"))
    for stage in np.flatnonzero((run > 0) & (gc >= app.threshold("gc", "gc_ratio") * run)).tolist():
        ratio = gc[stage] / run[stage]
        above = max(gc[stage] - app.threshold("gc", "healthy_ratio") * run[stage], 0.0)
        yield Candidate(
            "gc",
            float(above / app.at_once[stage]),
            message=f"Garbage collection took {share(ratio)} of the run time of its tasks "
            f"({seconds(gc[stage] / 1e3)} of {seconds(run[stage] / 1e3)}).",
            figures={"gc_ms": gc[stage], "run_ms": run[stage], "ratio": ratio},
            **about_stage(app, stage),
        )
