"""Memory that was too small: spill and garbage collection, per stage."""

from collections.abc import Iterator

import numpy as np

from ..units import count, seconds, share, size
from .ranking import Found
from .work import Work


def find(of: Work) -> Iterator[Found]:
    """Findings of single stages; those of one name are told as one."""
    if not len(of):
        return
    yield from _spill(of)
    yield from _gc(of)


def _spill(of: Work) -> Iterator[Found]:
    disk, memory = of.sums(of.column("disk_spilled_bytes")), of.sums(of.column("memory_spilled_bytes"))
    run = of.sums(of.column("executor_run_time_ms"))
    read = of.sums(of.column("shuffle_read_bytes")) + of.sums(of.column("input_bytes"))
    for stage in np.flatnonzero(disk >= of.at("spill", "spilled_bytes")).tolist():
        rows = of.rows(stage)
        spilled = int((of.column("disk_spilled_bytes")[rows] > 0).sum())
        again = min(disk[stage] / read[stage], 1.0) if read[stage] else 0.0
        spent = max(memory[stage] / of.at("spill", "spill_bytes_per_s") * 1e3, run[stage] * again / (2 + again))
        cost = spent / of.at_once[stage]
        start, end = of.span(stage)
        yield Found(
            "spill",
            float(min(cost, end - start)),
            message=f"{count(spilled)} of {count(len(rows))} tasks spilled {size(memory[stage])} of memory, "
            f"{size(disk[stage])} on disk.",
            figures={"memory_bytes": memory[stage], "disk_bytes": disk[stage], "num_tasks": spilled},
            **of.key(stage),
        )


def _gc(of: Work) -> Iterator[Found]:
    gc, run = of.sums(of.column("jvm_gc_time_ms")), of.sums(of.column("executor_run_time_ms"))
    for stage in np.flatnonzero((run > 0) & (gc >= of.at("gc", "gc_ratio") * run)).tolist():
        ratio = gc[stage] / run[stage]
        above = max(gc[stage] - of.at("gc", "healthy_ratio") * run[stage], 0.0)
        yield Found(
            "gc",
            float(above / of.at_once[stage]),
            message=f"{share(ratio)} of the run time of its tasks is garbage collection "
            f"({seconds(gc[stage] / 1e3)} of {seconds(run[stage] / 1e3)}).",
            figures={"gc_ms": gc[stage], "run_ms": run[stage], "ratio": ratio},
            **of.key(stage),
        )
